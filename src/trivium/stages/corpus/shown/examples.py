"""Documents to read for each layer: of every reason some that it dropped, and some that stayed; drawn by hash.

A draw hangs on the layer and the document alone, so the same documents are shown whatever order they came in, and each
layer shows others. A judge may say in `row["why"]` what decided: `{"what": a score's name, "value": a number or words,
"low": its limit, "high": its limit}`, each but `what` where there is one.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

DROPPED, STAYED = 20, 3
"""Documents shown of a reason, and of those that a layer left."""
CHARACTERS = 1500
"""Of a text that are shown."""
SLACK = 4000
"""Characters read beyond those that are shown: what is to be rewritten has to be seen whole, a private key even."""
Record = dict[str, Any]


class Examples:
    """Keeps, of all documents offered, those with the lowest draws for each source, layer and reason."""

    def __init__(self, watched: Iterable[str] = ()) -> None:
        """`watched` are ids of documents whose fate is noted, shown or not."""
        self.fates: dict[str, list[str]] = {id: [] for id in watched}
        """Id -> the layer and the reason that dropped it, or nothing."""
        self._kept: dict[tuple[str, str, str], list[tuple[int, int, Record]]] = {}
        self._offered = 0

    def offer(self, source: str, layer: str, reason: str, row: dict[str, Any]) -> None:
        """A document that the layer dropped for the reason, or left (""); takes `why` out of the row."""
        why = row.pop("why", None)
        if reason and row.get("id") in self.fates:
            self.fates[row["id"]] = [layer, reason]
        heap = self._kept.setdefault((source, layer, reason), [])
        draw = -_draw(layer, row)
        full = len(heap) >= (DROPPED if reason else STAYED)
        if full and draw <= heap[0][0]:
            return
        self._offered += 1
        text = row["text"]
        seen = {"characters": len(text), "text": text[: CHARACTERS + SLACK]}
        record = {"url": row["url"], "why": why if reason else None, **seen}
        (heapq.heapreplace if full else heapq.heappush)(heap, (draw, -self._offered, record))

    def records(self, rewrite: Callable[[str], str] = str) -> Iterator[Record]:
        """By source, layer and reason: each document with `url`, `why`, `characters` (of the whole text) and `text`.

        `rewrite` is applied to the texts that are shown: what must not be published is not published here.
        """
        for (source, layer, reason), heap in self._kept.items():
            for _, _, record in sorted(heap, reverse=True):
                where = {"source": source, "layer": layer, "reason": reason}
                yield where | record | {"text": rewrite(record["text"])[:CHARACTERS]}


def _draw(layer: str, row: Mapping[str, Any]) -> int:
    name = f"{layer}|{row.get('id') or row['url']}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big")
