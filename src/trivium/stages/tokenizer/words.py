"""Counting the words of any amount of text in bounded memory: a table, sorted runs on disk when it is full, merged.

Words are pre-tokens as the split regex cuts them. A run holds its words in the order of their hashes, so one range of
hashes of all runs can be merged alone, in the table's own memory. Counts are exact however often the table was full.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from trivium.ground.errors import TriviumError
from trivium.ground.how import How
from trivium.stages.tokenizer.kernels import count as kernels
from trivium.stages.tokenizer.kernels.split import kinds
from trivium.text.tokenizer import well_formed

ROOM = 64
"""Bytes of the budget for each word of the table: 24 for its numbers, 16 for letters, 24 for slots while they grow."""
LETTERS = 16
CHUNK = 1 << 16
"""Words of a run that are put in order at a time."""
LEARNING = 32
"""Bytes of memory that learning takes for each byte of a word and its end, at most (`merges`)."""
PARTS = ("hashes", "counts", "starts", "raw")


class Words(NamedTuple):
    """Different words, end to end in `raw`: word i is `raw[starts[i] : starts[i + 1]]` and was met `counts[i]` times.

    `starts` may begin anywhere, `raw` begins with the first word.
    """

    hashes: npt.NDArray[np.uint64]
    counts: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    raw: npt.NDArray[np.uint8]

    def items(self) -> Iterator[tuple[bytes, int]]:
        """Each word with its count."""
        bounds, letters = (self.starts - self.starts[0]).tolist(), self.raw.tobytes()
        for i, times in enumerate(self.counts.tolist()):
            yield letters[bounds[i] : bounds[i + 1]], times


@dataclass
class Account:
    """What counting did, for the stage's statistics."""

    words: int = 0
    """Different words that learning gets."""
    occurrences: int = 0
    """How often they were met, all together."""
    spills: int = 0
    """Sorted runs written to disk."""
    dropped_words: int = 0
    dropped_occurrences: int = 0
    """Words left out since the merged table was beyond the memory, and how often those were met."""
    least_count: int = 1
    """Words met less often were left out."""
    table_bytes: int = 0
    """Memory that counting used, at its highest: the table, its slots, what sorts a run."""


class Counter:
    """Counts words within `memory` bytes; a context, whose runs go to a folder of their own below `folder`."""

    def __init__(self, digits: int, memory: int, folder: Path | None = None) -> None:
        self.account = Account()
        self._digits, self._memory, self._where = digits, memory, folder
        most = max(memory // ROOM, 64)
        # Memory that nobody has touched is not there yet: a small corpus takes little of it.
        self._table = Words(
            np.empty(most, np.uint64), np.empty(most, np.int64), np.zeros(most + 1, np.int64), self._letters(most)
        )
        self._slots = np.zeros(1 << 12, np.int32)
        self._used = np.zeros(1, np.int64)
        self._runs: list[Path] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Counter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._folder:
            self._folder.cleanup()

    def add(self, texts: Iterable[str]) -> None:
        """Count the words of some documents; they never reach across two. Raises TriviumError when the disk is full."""
        for text in texts:
            raw = np.frombuffer(well_formed(text).encode(), np.uint8)
            at = 0
            while at < raw.size:
                at = kernels.count()(raw, at, raw.size, kinds(), self._digits, self._slots, *self._table, self._used)
                if at < raw.size:
                    self._make_room(raw.size - at)

    def finish(self, drop: bool, how: How) -> Words:
        """All words with their counts. With `drop`, the rarest are left out, count by count, where learning from all
        would take more than the memory; `account` says how many. Raises Stopped when asked to.
        """
        if not self._runs:
            found = self._held()
            return self._fitted([found], self._sizes([found]), drop)
        self._spill()
        merged: list[Path] = []
        sizes = np.zeros((64, 3), np.int64)
        total = sum(len(_open(run).counts) for run in self._runs)
        for low, high in ranges_of(total, self._table.hashes.size // 2):
            how.stop.check("while merging counts")
            for run in self._runs:
                self._gather(_part(_open(run), low, high))
            sizes += self._sizes([self._held()])
            merged.append(self._write(f"merged-{len(merged):06d}"))
        self._runs.clear()
        return self._fitted((_open(path) for path in merged), sizes, drop)

    def _letters(self, words: int) -> npt.NDArray[np.uint8]:
        return np.empty(words * LETTERS, np.uint8)

    def _held(self) -> Words:
        n = int(self._used[0])
        hashes, counts, starts, raw = self._table
        return Words(hashes[:n], counts[:n], starts[: n + 1], raw[: starts[n]])

    def _gather(self, words: Words) -> None:
        done = 0
        while done < words.hashes.size:
            args = (words.hashes, words.counts, words.starts, words.raw, done)
            done = kernels.gather()(*args, self._slots, *self._table, self._used)
            if done < words.hashes.size:
                self._make_room(int(words.starts[done + 1] - words.starts[done]), merging=True)

    def _make_room(self, needed: int, merging: bool = False) -> None:
        """For one more word of up to `needed` bytes: more slots, or an empty table, or more letters."""
        words, hashes = int(self._used[0]), self._table.hashes
        if words < hashes.size and 2 * words >= self._slots.size:
            slots = np.zeros(2 * self._slots.size, np.int32)
            kernels.place()(hashes, words, slots)
            self._slots = slots
        elif words and not merging:
            self._spill()
        else:  # one word, or one range of hashes, that is larger than all the memory
            self._enlarge(needed)

    def _enlarge(self, needed: int) -> None:
        hashes, counts, starts, raw = self._table
        letters = np.empty(2 * raw.size + needed, np.uint8)
        letters[: raw.size] = raw
        more = hashes.size
        self._table = Words(
            np.append(hashes, np.empty(more, np.uint64)),
            np.append(counts, np.empty(more, np.int64)),
            np.append(starts, np.empty(more, np.int64)),
            letters,
        )

    def _spill(self) -> None:
        if self._used[0]:
            self._runs.append(self._write(f"run-{len(self._runs):06d}"))
            self.account.spills += 1

    def _write(self, name: str) -> Path:
        """Write what the table holds, in the order of hashes, and empty it; the run's folder."""
        words = self._held()
        order = np.argsort(words.hashes)
        self._note(order.nbytes)
        try:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="trivium-words-", dir=self._where)
            path = Path(self._folder.name) / name
            path.mkdir()
            _write_run(path, words, order)
        except OSError as error:
            place = self._folder.name if self._folder else self._where or tempfile.gettempdir()
            raise TriviumError(
                f"The counted words could not be written to {place}: {error}.",
                "Free some space there, or give more memory: --tokenizer.memory-mib.",
            ) from error
        self._used[0] = 0
        self._slots[:] = 0
        return path

    def _note(self, more: int = 0) -> None:
        words = self._held()
        bytes_now = sum(part.nbytes for part in words) + self._slots.nbytes * 3 // 2 + more
        self.account.table_bytes = max(self.account.table_bytes, bytes_now)

    def _sizes(self, parts: Iterable[Words]) -> npt.NDArray[np.int64]:
        """By count (63 and more together): words, occurrences, and bytes with an end for each word."""
        self._note()
        sizes = np.zeros((64, 3))
        for part in parts:
            of = np.minimum(part.counts, 63)
            for column, weights in enumerate((np.ones(of.size), part.counts, np.diff(part.starts) + 1)):
                sizes[:, column] += np.bincount(of, weights, 64)
        return sizes.astype(np.int64)

    def _fitted(self, parts: Iterable[Words], sizes: npt.NDArray[np.int64], drop: bool) -> Words:
        """The words of the parts, without those that do not fit."""
        least = 1
        while drop and least < 63 and LEARNING * int(sizes[least:, 2].sum()) > self._memory:
            least += 1
        gone, account = sizes[:least].sum(axis=0), self.account
        account.least_count = least
        account.dropped_words, account.dropped_occurrences = int(gone[0]), int(gone[1])
        account.words, account.occurrences = (int(n) for n in sizes[least:].sum(axis=0)[:2])
        return joined([_frequent(part, least) for part in parts])


def joined(parts: list[Words]) -> Words:
    """Words of several parts as one, copied."""
    lengths = np.concatenate([np.diff(part.starts) for part in parts]) if parts else np.zeros(0, np.int64)
    starts = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    empty: list[tuple[Any, ...]] = [(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.uint8))]
    columns = [(part.hashes, part.counts, part.raw) for part in parts] or empty
    hashes, counts, raw = (np.concatenate(column) for column in zip(*columns, strict=True))
    return Words(hashes, counts, starts, raw)


def ranges_of(total: int, fitting: int) -> Iterator[tuple[int, int]]:
    """Equally wide ranges of hashes that cover all: so many that one of `total` words has about `fitting`."""
    many = max(math.ceil(total / max(fitting, 1)), 1)
    for i in range(many):
        yield 2**64 * i // many, 2**64 * (i + 1) // many - 1


def _frequent(words: Words, least: int) -> Words:
    if least == 1:
        return words
    chosen = np.flatnonzero(words.counts >= least)
    bounds = words.starts - words.starts[0]
    lengths = np.diff(bounds)[chosen]
    starts = np.zeros(chosen.size + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    raw = np.empty(int(starts[-1]), np.uint8)
    kernels.copy()(chosen, bounds, words.raw, raw)
    return Words(words.hashes[chosen], words.counts[chosen], starts, raw)


def _write_run(path: Path, words: Words, order: npt.NDArray[np.int64]) -> None:
    lengths, out, at = np.diff(words.starts), np.empty(0, np.uint8), 0
    files = {name: open(path / name, "wb") for name in PARTS}
    try:
        files["starts"].write(np.zeros(1, np.int64).tobytes())
        for first in range(0, order.size, CHUNK):
            some = order[first : first + CHUNK]
            ends = at + np.cumsum(lengths[some])
            size = int(ends[-1]) - at
            out = out if out.size >= size else np.empty(size, np.uint8)
            kernels.copy()(some, words.starts, words.raw, out)
            parts: tuple[npt.NDArray[Any], ...] = (words.hashes[some], words.counts[some], ends, out[:size])
            for file, part in zip(files.values(), parts, strict=True):
                file.write(part.tobytes())
            at = int(ends[-1])
    finally:
        for file in files.values():
            file.close()


def _open(path: Path) -> Words:
    """A run, mapped: what is not looked at is not read."""
    kinds_of = (np.uint64, np.int64, np.int64, np.uint8)
    return Words(*(np.memmap(path / name, kind, "r") for name, kind in zip(PARTS, kinds_of, strict=True)))


def _part(words: Words, low: int, high: int) -> Words:
    """The words of a run whose hashes are from `low` to `high`, copied, so that no file stays open."""
    first = int(np.searchsorted(words.hashes, np.uint64(low)))
    last = int(np.searchsorted(words.hashes, np.uint64(high), side="right"))
    starts = np.array(words.starts[first : last + 1])
    raw = np.array(words.raw[int(starts[0]) : int(starts[-1])])
    return Words(np.array(words.hashes[first:last]), np.array(words.counts[first:last]), starts, raw)
