"""The street as every recipe walks it: which stage reads which. A recipe fills in the configs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from trivium.ground.errors import UsageError
from trivium.journey.graph import Journey, Node

AUDITED = ("base", "plain", "sft", "rl")
"""The models whose knowledge is mapped; the base model's map becomes the refusal set of `sft`."""
QUIRKED = ("base", "sft", "rl")
"""The models that meet the quirk battery."""


def street(name: str, configs: Mapping[str, Any], seed: int = 0) -> Journey:
    """The journey with one config a node; `audit` and `quirks` stand for all nodes of theirs that are not named.

    Each config's fields named `seed`, nested ones included, are moved by `seed`. Raises UsageError for a node without
    config and for a config without node.
    """
    nodes = []
    used = set()
    for node in _nodes():
        key = node.name if node.name in configs else node.name.partition("-")[0]
        if key not in configs:
            raise UsageError(f"Recipe {name!r} gives no config for {node.name!r}.", "Add it to the recipe.")
        used.add(key)
        nodes.append(dataclasses.replace(node, config=reseed(configs[key], seed)))
    for key in configs:
        if key not in used:
            raise UsageError(f"Recipe {name!r} gives a config for {key!r}, which is no node.", "Remove it.")
    return Journey(name, tuple(nodes))


def reseed(config: Any, seed: int) -> Any:
    """The config with `seed` added to each field of that name, at any depth."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name == "seed" and isinstance(value, int):
            changes["seed"] = value + seed
        elif dataclasses.is_dataclass(value):
            changes[field.name] = reseed(value, seed)
    return dataclasses.replace(config, **changes) if seed and changes else config


def _nodes() -> list[Node]:
    """The graph, with empty configs."""
    nodes = [*_to_base(), *_to_manners(), *_to_reasoning()]
    nodes += [_audit(model) for model in AUDITED if model != "base"]
    nodes += [_quirks(model) for model in QUIRKED]
    everything = {node.name: node.name for node in nodes}
    return [*nodes, _node("report", "report.run", "one page with all that was measured", **everything)]


def _to_base() -> list[Node]:
    return [
        _node("town", "corpus.plant", "builds a small world and writes pages about it"),
        _node("scored", "corpus.score", "pages become documents, every filter gives its score", town="town"),
        _node("selected", "corpus.select", "thresholds, duplicates out, the mix", scored="scored", town="town"),
        _node("tokenizer", "tokenizer.run", "byte pairs become tokens", selected="selected"),
        _node(
            "shards",
            "tokenizer.shards",
            "documents become token ids, exposures are counted",
            selected="selected",
            tokenizer="tokenizer",
            town="town",
        ),
        _node("base", "pretrain.run", "learns to continue documents", shards="shards", tokenizer="tokenizer"),
    ]


def _to_manners() -> list[Node]:
    inputs = {"model": "base", "town": "town", "audit": "audit-base"}
    return [
        _audit("base"),
        _node("sft", "sft.run", "learns the assistant's manner, and to say what it does not know", **inputs),
        _node("plain", "sft.run", "the same conversations without refusals, to compare with", **inputs),
    ]


def _to_reasoning() -> list[Node]:
    return [
        _node("reward", "reward.run", "learns which of two answers people prefer", model="sft", town="town"),
        _node("warm", "rl.warm", "learns to think aloud, until it solves some problems", model="sft", town="town"),
        _node("rl", "rl.run", "practises on problems that can be checked", model="warm", town="town"),
    ]


def _audit(model: str) -> Node:
    what = f"asks the {model} model about everyone in town"
    inputs = {"model": model, "town": "town", "shards": "shards"}
    if model != "base":
        inputs["base_audit"] = "audit-base"
    return _node(f"audit-{model}", "audit.run", what, **inputs)


def _quirks(model: str) -> Node:
    return _node(f"quirks-{model}", "quirks.run", f"tries the {model} model's oddities", model=model, town="town")


def _node(name: str, room: str, what: str, **inputs: str) -> Node:
    return Node(name=name, entry=f"trivium.stages.{room}:run", config=None, inputs=inputs, what=what)
