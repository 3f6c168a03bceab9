"""Ranks from counted words: BPE's merges, the most frequent pair first, in slices between which a run can be stopped.

Byte-pair encoding: Gage 1994; for words, Sennrich, Haddow and Birch 2015 (1508.07909); over bytes, GPT-2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trivium.ground.errors import TriviumError
from trivium.ground.how import How
from trivium.ground.progress import Progress
from trivium.stages.tokenizer.kernels import merge as kernels
from trivium.stages.tokenizer.words import Words

BYTES = 256
SLICE = 64
"""Merges between two looks at the stop flag."""
SPREAD = 1.75
"""Places that all pairs have together when the work is done, for each cell: met with 32,768 tokens from 60 MB."""


class Pairs(NamedTuple):
    """Pairs by number: what they are, how often they are now, where their places begin in the list of all places
    (`firsts`, one longer), room to count in; and the heap, with the counts that it knows.
    """

    keys: npt.NDArray[np.uint64]
    counts: npt.NDArray[np.int64]
    firsts: npt.NDArray[np.int64]
    many: npt.NDArray[np.int64]
    heap: npt.NDArray[np.int32]
    weights: npt.NDArray[np.int64]


class Merger:
    """The state of learning: cells, pairs with their places, heap. `ranks` does the work."""

    def __init__(self, words: Words) -> None:
        size = words.raw.size + words.counts.size
        if size >= 2**31:
            raise TriviumError(
                f"The different words have {size:,} bytes, more than 2^31.",
                "Learn from fewer documents, or let rare words go: --tokenizer.drop-rare true.",
            )
        self._times = words.counts
        self._cells, self._word_of = np.empty(size, np.int32), np.empty(size, np.int32)
        kernels.lay()(words.raw, words.starts, self._cells, self._word_of)
        self._slots = np.zeros(1 << 18, np.int32)
        self._pairs = _room(1 << 17)
        self._places = np.empty(int(size * SPREAD) + 16, np.int32)
        self._used = np.zeros(4, np.int64)
        self._used[kernels.TOKENS] = BYTES
        pairs = self._pairs
        kernels.begin()(
            *(self._cells, self._word_of, self._times, self._slots, pairs.keys, pairs.counts, pairs.firsts),
            *(self._places, pairs.heap, pairs.weights, self._used),
        )

    def ranks(self, ordinary: int, how: How) -> dict[bytes, int]:
        """Token bytes -> rank: the 256 bytes, then a merge each, up to `ordinary` tokens or until no pair is left.

        Raises Stopped when asked to.
        """
        total = ordinary - BYTES
        merges, sizes = np.zeros((max(total, 1), 2), np.int32), np.ones(ordinary, np.int64)
        done = 0
        with Progress("merge pairs", total, "merges", how) as bar:
            while done < total:
                how.stop.check("while learning the vocabulary")
                why = self._merge(min(SLICE, total - done), sizes, merges)
                now = int(self._used[kernels.TOKENS]) - BYTES
                bar.advance(now - done)
                done = now
                if why == kernels.EXHAUSTED:
                    break
        return _ranks(merges[:done])

    def _merge(self, steps: int, sizes: npt.NDArray[np.int64], merges: npt.NDArray[np.int32]) -> int:
        pairs = self._pairs
        why = int(
            kernels.merge()(
                *(steps, self._cells, self._word_of, sizes, self._times, self._slots),
                *(pairs.keys, pairs.counts, pairs.firsts, pairs.many, self._places, pairs.heap, pairs.weights),
                *(self._used, merges),
            )
        )
        if why == kernels.FULL_PAIRS:
            self._pairs = _room(2 * pairs.keys.size, pairs)
            self._slots = np.zeros(2 * self._slots.size, np.int32)
            kernels.place()(self._pairs.keys, int(self._used[kernels.PAIRS]), self._slots)
        elif why == kernels.FULL_PLACES:
            places = np.empty(self._places.size * 3 // 2 + self._cells.size // 2, np.int32)
            places[: self._places.size] = self._places
            self._places = places
        return why

    @property
    def bytes(self) -> int:
        """Memory in use: what was touched of the arrays."""
        pairs, places = int(self._used[kernels.PAIRS]), int(self._used[kernels.PLACES])
        return 8 * self._cells.size + 8 * self._times.size + 4 * places + 44 * pairs + self._slots.nbytes


def _room(pairs: int, old: Pairs | None = None) -> Pairs:
    """Arrays for so many pairs, with what was in the old ones."""
    kinds = (np.uint64, np.int64, np.int64, np.int64, np.int32, np.int64)
    new = Pairs(*(np.empty(pairs + 1, kind) for kind in kinds))  # type: ignore[arg-type]
    new.firsts[0] = 0
    if old is not None:
        for name in Pairs._fields:
            before = getattr(old, name)
            getattr(new, name)[: before.size] = before
    return new


def _ranks(merges: npt.NDArray[np.int32]) -> dict[bytes, int]:
    tokens = [bytes([byte]) for byte in range(BYTES)]
    for left, right in merges.tolist():
        tokens.append(tokens[left] + tokens[right])
    ranks = {token: rank for rank, token in enumerate(tokens)}
    if len(ranks) < len(tokens):
        raise RuntimeError("Two merges made the same token.")
    return ranks
