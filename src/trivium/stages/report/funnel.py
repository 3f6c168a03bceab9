"""Section 1: the corpus funnel. Per source what came in, what left, and the reason for every drop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trivium.pages.figures import count
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.reading import Inputs, deep, json_of
from trivium.stages.report.sieve.account import Source, sources_of
from trivium.stages.report.sieve.page import NAME, pictures

TEMPLATE = "corpus.html"


def section(inputs: Inputs, config: ReportConfig) -> dict[str, Any] | None:
    """What the template shows; None when no documents were selected."""
    account = json_of(inputs, "selected", "funnel.json")
    if account is None:
        return None
    sources = sources_of(inputs, 0)
    dropping = [source for source in sources if source.drops]
    told = ["A page passes these layers in this order and leaves at the first that it fails. Its reason is counted."]
    whole = _names(source for source in sources if not source.drops and len(source.layers) > 1)
    if whole:
        told.append(f"No layer dropped anything of {whole}.")
    behind = _names(source for source in sources if not source.drops and len(source.layers) == 1)
    if behind:
        told.append(f"These entered behind the filters, which would rightly drop columns of digits: {behind}.")
    told += account.get("advice", [])
    funnels = [_funnel(source) for source in dropping]
    return {"lede": " ".join(told), "funnels": funnels, "page": NAME, "mix": mix(account)}


def _names(sources: Iterable[Source]) -> str:
    return ", ".join(f"{source.name} ({count(source.came)})" for source in sources)


def _funnel(source: Source) -> dict[str, Any]:
    edits = [f"{layer.name} {what} {count(times)}" for layer in source.layers for what, times in layer.changed.items()]
    caption = "Documents through the layers, from top to bottom; a branch is as wide as what it takes."
    if edits:
        caption += f" Edits to documents that stay: {', '.join(edits)}."
    reasons = [
        [layer.name, reason.name, count(reason.count), f"{100 * reason.count / layer.came:.1f} %"]
        for layer in source.layers
        for reason in layer.reasons
    ]
    return {"name": source.name, "came": source.came, "left": source.left, "reasons": reasons, "caption": caption,
            **pictures(source, NAME)}  # fmt: skip


def mix(account: dict[str, Any]) -> list[list[str]]:
    """Rows of the training mix: source, documents, characters, share of the characters, documents held out."""
    train, heldout = (deep(account, "selected", split) or {} for split in ("train", "heldout"))
    total = sum(size["characters"] for size in train.values()) or 1
    return [
        [source, count(size["documents"]), count(size["characters"]), f"{100 * size['characters'] / total:.1f} %",
         count(heldout.get(source, {}).get("documents", 0))]
        for source, size in sorted(train.items(), key=lambda item: -item[1]["characters"])
    ]  # fmt: skip
