"""The account of a corpus as values for pictures and pages: sources, their layers, reasons, and documents to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import escape

from trivium.pages.flow import Branch, Step
from trivium.stages.report.reading import Inputs, json_of, lines_of
from trivium.stages.report.sieve import words

EXAMPLES_BYTES = 3_000_000
"""Of documents to read, escaped; beyond it every reason shows fewer."""
Record = dict[str, Any]


@dataclass
class Reason:
    """Why documents went at a layer, how many, and some of them."""

    name: str
    count: int
    anchor: str
    examples: list[Record] = field(default_factory=list)

    @property
    def meaning(self) -> str:
        """What the reason says, in a line."""
        return words.meaning(self.name, [one["why"] for one in self.examples if one.get("why")])


@dataclass
class Layer:
    """A layer of one source."""

    name: str
    came: int
    left: int
    anchor: str
    reasons: list[Reason]
    stayed: list[Record]
    changed: dict[str, int]

    @property
    def meaning(self) -> str:
        """What the layer looks at, in a line."""
        return words.LAYERS.get(self.name, "")


@dataclass
class Source:
    """A source and its way through the layers."""

    name: str
    came: int
    left: int
    anchor: str
    layers: list[Layer]

    @property
    def drops(self) -> bool:
        """Whether any layer took something of it."""
        return self.came > self.left

    def steps(self, page: str) -> list[Step]:
        """Its layers as the picture wants them, each linked to its place on `page` ("" for the same page)."""
        return [
            Step(
                layer.name,
                layer.came,
                layer.left,
                [Branch(one.name, one.count, f"{page}#{one.anchor}", one.meaning) for one in layer.reasons],
                f"{page}#{layer.anchor}",
            )
            for layer in self.layers
        ]


def sources_of(inputs: Inputs, most: int) -> list[Source]:
    """The sources in `selected`, with up to `most` documents to read of each reason; none without an account.

    Documents come from examples.jsonl, and where an older artifact has none, from the account itself.
    """
    account = json_of(inputs, "selected", "funnel.json")
    if account is None:
        return []
    shown: dict[tuple[str, str, str], list[Record]] = {}
    for record in lines_of(inputs, "selected", "examples.jsonl"):
        shown.setdefault((record["source"], record["layer"], record["reason"]), []).append(_told(record))
    return [_source(number, entry, _fitting(shown, most)) for number, entry in enumerate(account["sources"])]


def _source(number: int, entry: Mapping[str, Any], shown: Mapping[tuple[str, str, str], list[Record]]) -> Source:
    name, layers = entry["source"], []
    for i, layer in enumerate(entry["layers"]):
        anchor = f"s{number}-l{i}"
        dropped = sorted(layer["dropped"].items(), key=lambda pair: (-pair[1], pair[0]))
        reasons = [
            Reason(
                reason,
                count,
                f"{anchor}-r{j}",
                shown.get((name, layer["name"], reason)) or [_told(one) for one in layer["examples"].get(reason, [])],
            )
            for j, (reason, count) in enumerate(dropped)
        ]
        changed = {kind: times for kind, times in layer.get("changed", {}).items() if times}
        stayed = list(shown.get((name, layer["name"], ""), ()))
        layers.append(Layer(layer["name"], layer["in"], layer["out"], anchor, reasons, stayed, changed))
    return Source(name, entry["in"], entry["out"], f"s{number}", layers)


def _told(record: Mapping[str, Any]) -> Record:
    text = record["text"]
    return {
        "url": record["url"],
        "why": record.get("why"),
        "decided": words.decided(record.get("why")),
        "text": text,
        "more": max(0, record.get("characters", len(text)) - len(text)),
    }


def _fitting(shown: Mapping[tuple[str, str, str], list[Record]], most: int) -> dict[tuple[str, str, str], list[Record]]:
    """As many of each reason as keep all of them within EXAMPLES_BYTES, the first `most` at most."""
    while most > 1 and weight(one for found in shown.values() for one in found[:most]) > EXAMPLES_BYTES:
        most -= max(1, most // 5)
    return {key: found[:most] for key, found in shown.items()}


def weight(records: Iterable[Record]) -> int:
    """Bytes that the records' texts take on a page."""
    return sum(len(escape(value).encode()) for one in records for value in one.values() if isinstance(value, str))
