"""Reading artifacts that may be missing, or older or younger than this page: what is not there is None."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from trivium.ground.artifact import Artifact
from trivium.ground.log import read_jsonl

Inputs = Mapping[str, Artifact]


def json_of(inputs: Inputs, node: str, name: str) -> Any:
    """The value of a JSON file of a node's artifact; None when the node or the file is missing."""
    artifact = inputs.get(node)
    return artifact.json(name) if artifact is not None and artifact.has(name) else None


def lines_of(inputs: Inputs, node: str, name: str, most: int | None = None) -> list[dict[str, Any]]:
    """The first `most` records of a JSON-lines file; none when the node or the file is missing."""
    artifact = inputs.get(node)
    if artifact is None or not artifact.has(name):
        return []
    return list(islice(read_jsonl(artifact.file(name)), most))


def deep(value: Any, *keys: str) -> Any:
    """`value[a][b]...`; None where a step is missing."""
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def interval(value: Any, *keys: str) -> dict[str, Any] | None:
    """The interval below `value[a][b]...`; None when there is none, or none that an item could tell."""
    found = deep(value, *keys)
    if not isinstance(found, Mapping) or found.get("value") is None:
        return None
    return dict(found)


def series(records: list[dict[str, Any]], key: str, x: str = "step") -> list[tuple[float, float]]:
    """Points (x, key) of the records that have both."""
    return [(float(r[x]), float(r[key])) for r in records if r.get(key) is not None and r.get(x) is not None]
