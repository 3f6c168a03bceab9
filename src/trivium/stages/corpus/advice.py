"""What a user should know of the documents that stay, said before hours of training are spent on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FEW_CHARACTERS = 1_500_000
"""Of real text: below, a model recites before it generalises."""
MOST_READINGS = 4
"""Readings of the same text that teach about as well as new text ("Scaling Data-Constrained Language Models", arXiv
2305.16264)."""
SMALL_SHARE = 0.2


def advice(account: Mapping[str, Any]) -> list[str]:
    """Sentences about a funnel.json, none when all is as it should be. Town and lessons do not count as real."""
    real = [entry for entry in account["sources"] if not entry["source"].startswith("town:")]
    names = {entry["source"] for entry in real}
    came, left = (sum(entry[key] for entry in real) for key in ("in", "out"))
    told = []
    if came and left < SMALL_SHARE * came:
        told.append(f"Only {left:,} of {came:,} real documents stayed. {worst_layer(account)} See what it dropped.")
    sizes = {split: _of(account["selected"][split], names) for split in ("train", "heldout")}
    if left and not sizes["heldout"]["documents"]:
        told.append("Only one real document stayed, so nothing is held out to tell learning from reciting.")
    characters = sizes["train"]["characters"]
    if 0 < characters < FEW_CHARACTERS:
        told.append(
            f"There are only {characters:,} characters of real text to learn from. A model will recite names, numbers "
            f"and whole sentences of it, what is private too. Let it read them {MOST_READINGS} times at most "
            f"(base.epochs)."
        )
    return told


def worst_layer(account: Mapping[str, Any]) -> str:
    """A sentence about the layer that dropped most."""
    layers = [(layer, entry["source"]) for entry in account["sources"] for layer in entry["layers"]]
    layer, source = max(layers, key=lambda pair: pair[0]["in"] - pair[0]["out"])
    return f"The layer {layer['name']!r} dropped {layer['in'] - layer['out']:,} of {layer['in']:,} {source} documents."


def _of(split: Mapping[str, Mapping[str, int]], names: set[str]) -> dict[str, int]:
    return {
        key: sum(size[key] for source, size in split.items() if source in names) for key in ("documents", "characters")
    }
