"""Modified Kneser-Ney on token ids: the n-gram model that a base model has to beat on the same tokens.

Interpolated, three discounts an order from the counts of counts (Chen and Goodman 1999, section 4.1.6), down to a
uniform distribution. An n-gram is one packed int64; tables are sorted arrays and a lookup is a binary search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
FALLBACK = (0.0, 0.5, 1.0, 1.5)
"""Discounts where the counts of counts are too few to estimate them."""


@dataclass(frozen=True)
class Level:
    """One order's n-grams and, for each context, how much of its probability the discounts set free."""

    grams: Ints
    gains: Floats
    """(count - discount) / the context's total, for each n-gram."""
    contexts: Ints
    freed: Floats
    """What is left for the lower order, for each context."""


@dataclass(frozen=True)
class KneserNey:
    """A fitted model; `fit` makes one."""

    levels: tuple[Level, ...]
    """Order 1 first."""
    vocabulary: int
    discounts: tuple[tuple[float, ...], ...]
    """For each order the discount of n-grams seen 0, 1, 2 and more times."""

    @classmethod
    def fit(cls, ids: NDArray[Any], offsets: NDArray[Any], vocabulary: int, order: int = 3) -> KneserNey:
        """From the flat ids of documents that start at `offsets` (one longer than the number of documents).

        Below the highest order an n-gram counts by its different left neighbours. Raises ValueError when an id is
        outside the vocabulary or n-grams of this order do not fit into 63 bits.
        """
        base = vocabulary + 1
        if base**order >= 2**63:
            raise ValueError(f"Order {order} over {vocabulary} ids does not fit into 63 bits.")
        if len(ids) == 0 or int(np.max(ids)) >= vocabulary:
            raise ValueError(f"There must be ids, all below the vocabulary of {vocabulary}.")
        grams, counts = np.unique(_pack(_windows(ids, offsets, vocabulary, order), base), return_counts=True)
        levels, discounts = [], []
        for size in range(order, 0, -1):
            if size < order:
                grams, counts = np.unique(grams % base**size, return_counts=True)
            discount = estimate_discounts(counts)
            levels.append(_level(grams, counts, base, np.array(discount)))
            discounts.append(discount)
        return cls(tuple(levels[::-1]), vocabulary, tuple(discounts[::-1]))

    def log_probs(self, ids: NDArray[Any], offsets: NDArray[Any] | None = None) -> Floats:
        """The natural log-probability of each id given those before it in its document.

        Without offsets the ids are one document. The start of a document is a context of its own.
        """
        if offsets is None:
            offsets = np.array([0, len(ids)])
        base = self.vocabulary + 1
        windows = _windows(ids, offsets, self.vocabulary, len(self.levels))
        chance = np.full(len(ids), 1 / self.vocabulary)
        for size, level in enumerate(self.levels, start=1):
            grams = _pack(windows[:, -size:], base)
            gain, _ = _look_up(level.grams, level.gains, grams)
            freed, known = _look_up(level.contexts, level.freed, grams // base)
            chance = np.where(known, gain + freed * chance, chance)
        return np.log(chance)


def estimate_discounts(counts: NDArray[Any]) -> tuple[float, ...]:
    """Chen and Goodman's discounts of n-grams counted 0, 1, 2 and more times; FALLBACK where n-grams are too few."""
    once, twice, thrice, four = (int(np.count_nonzero(counts == k)) for k in (1, 2, 3, 4))
    if 0 in (once, twice, thrice):
        return FALLBACK
    share = once / (once + 2 * twice)
    found = (0.0, 1 - 2 * share * twice / once, 2 - 3 * share * thrice / twice, 3 - 4 * share * four / thrice)
    return found if all(0 < found[k] < k for k in (1, 2, 3)) else FALLBACK


def _level(grams: Ints, counts: NDArray[Any], base: int, discount: Floats) -> Level:
    taken = discount[np.minimum(counts, 3)]
    contexts, starts = np.unique(grams // base, return_index=True)
    totals = np.add.reduceat(counts, starts).astype(np.float64)
    each = np.repeat(totals, np.diff(starts, append=len(grams)))
    return Level(grams, (counts - taken) / each, contexts, np.add.reduceat(taken, starts) / totals)


def _windows(ids: NDArray[Any], offsets: NDArray[Any], start: int, order: int) -> Ints:
    """(n, order): each id, last, after the ids before it in its document; `start` stands before a document."""
    flat = np.asarray(ids, dtype=np.int64)
    lengths = np.diff(offsets)
    place = np.arange(len(flat)) - np.repeat(np.asarray(offsets[:-1], dtype=np.int64), lengths)
    windows = np.full((len(flat), order), start, dtype=np.int64)
    for back in range(order):
        inside = place >= back
        windows[inside, order - 1 - back] = flat[np.flatnonzero(inside) - back]
    return windows


def _pack(columns: Ints, base: int) -> Ints:
    packed = np.zeros(len(columns), dtype=np.int64)
    for column in columns.T:
        packed = packed * base + column
    return packed


def _look_up(keys: Ints, values: Floats, wanted: Ints) -> tuple[Floats, NDArray[np.bool_]]:
    """The values of the wanted keys (0 where absent), and whether each was there."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found = keys[at] == wanted
    return np.where(found, values[at], 0.0), found
