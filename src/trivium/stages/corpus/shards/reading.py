"""A shard cut into parts while it is read, from any place on where a part begins."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from trivium.stages.corpus.config import ScoreConfig
from trivium.stages.corpus.shards.plan import Shard
from trivium.stages.corpus.sources.find import read
from trivium.stages.corpus.sources.page import Page

PART_RECORDS = 256
"""Records of a part: what a killed process has to do again, at most, and what is handed to a worker at once."""
PART_BYTES = 1 << 26
"""A part ends early behind the page that brings its bodies to this size, since they are in memory together."""


@dataclass(frozen=True)
class Place:
    """Where a part begins."""

    part: int = 0
    """Its number; this many parts lie before it."""
    record: int = 0
    """Pages of the shard before it."""
    first: int = 0
    """Where reading begins (`Page.place`)..."""
    skip: int = 0
    """...and how many pages are passed over there: other than 0 where pages share a place."""


class Reader:
    """Parts of a shard in order. `place` is where the next one begins, None behind the last."""

    def __init__(self, shard: Shard, config: ScoreConfig, place: Place) -> None:
        self.shard = shard
        self._source = read(shard.source, config.max_bytes, config.text_field, config.piece_characters, place.first)
        most = max(0, shard.most - place.record) if shard.most else None
        self._pages = islice(islice(self._source, place.skip, None), most)
        self._ahead = next(self._pages, None)
        self._skip = place.skip
        # A shard without any page has one part too, which says so.
        self.place: Place | None = place

    def take(self) -> list[Page]:
        """The pages of the part at `place`, which moves on."""
        assert self.place is not None
        pages: list[Page] = []
        size = 0
        while self._ahead is not None and len(pages) < PART_RECORDS and size < PART_BYTES:
            page = self._ahead
            pages.append(page)
            size += len(page.body)
            self._ahead = next(self._pages, None)
            self._skip = self._skip + 1 if self._ahead is not None and self._ahead.place == page.place else 0
        if self._ahead is None:
            self.place = None
        else:
            self.place = Place(self.place.part + 1, self.place.record + len(pages), self._ahead.place, self._skip)
        return pages

    def reaches(self, shard: Shard, place: Place) -> bool:
        """Whether reading on is the way to a place: it lies ahead, and to begin there is to read all before it."""
        if self.place is None or self.shard.number != shard.number or self.place.part > place.part:
            return False
        direct = shard.source.format in ("warc", "files") and place.skip < PART_RECORDS
        return self.place == place or not direct

    @property
    def position(self) -> int:
        """Bytes of the stored file before `place`."""
        return self._ahead.position if self._ahead is not None else self.shard.source.size()

    def close(self) -> None:
        """Close the file."""
        self._source.close()
