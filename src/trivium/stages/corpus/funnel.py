"""The funnel: what came into each layer, what left it, and why the rest went. Its numbers sum, or the run ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from trivium.ground.errors import TriviumError
from trivium.stages.corpus.shown.examples import Examples

Row = dict[str, Any]
EXAMPLES = 3
EXAMPLE_CHARACTERS = 300


@dataclass
class Layer:
    """One layer's account for one source. Bytes are those of the texts, in UTF-8."""

    name: str
    came: int = 0
    left: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    bytes_in: int = 0
    bytes_out: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    """Changes made to texts that stay, by kind."""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As funnel.json has it: `in` and `out` for the counts."""
        values = asdict(self)
        return {"name": values.pop("name"), "in": values.pop("came"), "out": values.pop("left"), **values}


class Funnel:
    """Takes rows through layers and keeps the account of every source apart."""

    def __init__(self, rows: Iterable[Row], watched: Iterable[str] = ()) -> None:
        """`watched` are ids of documents whose fate is wanted (`examples.fates`)."""
        self.rows = list(rows)
        self.examples = Examples(watched)
        self._came = _tally(self.rows)
        self._layers: dict[str, list[Layer]] = {source: [] for source in self._came}

    def add(self, rows: Iterable[Row], sources: Iterable[str]) -> None:
        """Rows of new sources that enter here, behind the layers so far."""
        new = list(rows)
        for source in sources:
            self._layers[source] = []
        self._came |= _tally(new)
        self.rows += new

    def layer(self, name: str, judge: Callable[[Row], str], sources: Iterable[str] | None = None) -> None:
        """Drop each row for which `judge` gives a reason. It may rewrite the row's text, and note in `row["changed"]`
        the kinds of change, and in `row["why"]` what decided (`shown.examples`). With `sources`, other sources' rows
        pass by.
        """
        self.layer_of_all(name, lambda rows: map(judge, rows), sources)

    def layer_of_all(
        self, name: str, judge: Callable[[list[Row]], Iterable[str]], sources: Iterable[str] | None = None
    ) -> None:
        """Like `layer`, for a judge that has to see all rows before it can give their reasons in order."""
        inside = set(self._layers if sources is None else sources)
        layers = {source: Layer(name) for source in self._layers if source in inside}
        shown = [row for row in self.rows if row["source"] in inside]
        for row in shown:
            layers[row["source"]].bytes_in += len(row["text"].encode())
        clock = time.perf_counter()
        gone: set[int] = set()
        for row, reason in zip(shown, judge(shown), strict=True):
            layer = layers[row["source"]]
            now = time.perf_counter()
            layer.seconds += now - clock
            clock = now
            layer.came += 1
            self.examples.offer(row["source"], name, reason, row)
            _settle(layer, row, reason)
            if reason:
                gone.add(id(row))
        self.rows = [row for row in self.rows if id(row) not in gone]
        for source, layer in layers.items():
            layer.seconds = round(layer.seconds, 3)
            self._layers[source].append(layer)

    def to_json(self) -> dict[str, Any]:
        """The account. Raises TriviumError when its numbers do not sum: then a layer lost or invented a page."""
        left = _tally(self.rows)
        for source, layers in self._layers.items():
            expected = self._came.get(source, 0)
            for layer in layers:
                _check(source, layer.name, expected, layer.came)
                _check(source, layer.name, layer.came, layer.left + sum(layer.dropped.values()))
                expected = layer.left
            _check(source, "end", expected, left.get(source, 0))
        return {
            "sources": [
                {
                    "source": source,
                    "in": self._came.get(source, 0),
                    "out": left.get(source, 0),
                    "layers": [layer.to_json() for layer in layers],
                }
                for source, layers in self._layers.items()
            ]
        }


def _settle(layer: Layer, row: Row, reason: str) -> None:
    """Enter one row's fate."""
    if not reason:
        layer.left += 1
        layer.bytes_out += len(row["text"].encode())
        for kind, times in row.pop("changed", {}).items():
            layer.changed[kind] = layer.changed.get(kind, 0) + times
        return
    layer.dropped[reason] = layer.dropped.get(reason, 0) + 1
    examples = layer.examples.setdefault(reason, [])
    if len(examples) < EXAMPLES:
        examples.append({"url": row["url"], "text": row["text"][:EXAMPLE_CHARACTERS]})


def _tally(rows: Iterable[Row]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["source"]] = counts.get(row["source"], 0) + 1
    return counts


def _check(source: str, name: str, wanted: int, found: int) -> None:
    if wanted != found:
        raise TriviumError(
            f"The funnel of {source!r} does not sum at {name!r}: {wanted} became {found}.",
            "This is a bug in the layer: please report it with the funnel.",
        )


def counts(account: Mapping[str, Any], source: str) -> dict[str, tuple[int, int]]:
    """Layer name -> (in, out) of one source, from funnel.json."""
    layers = next(entry["layers"] for entry in account["sources"] if entry["source"] == source)
    return {layer["name"]: (layer["in"], layer["out"]) for layer in layers}
