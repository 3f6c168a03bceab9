"""Gopher's scores, and C4's and FineWeb's of most texts, in one compiled pass over a text's characters.

Words are 64-bit hashes, n-grams differences of a running hash, and repeats are found in open hash tables: there is no
Python object for a word. The order of the scores is `quality.ALL`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit

from trivium.stages.corpus.kernels import kept
from trivium.stages.corpus.kernels.lines import line_scores
from trivium.stages.corpus.kernels.words import (
    ALPHA,
    DASH,
    DOT,
    ELLIPSIS,
    END,
    SPACE,
    UNDERSCORE,
    WORD,
    hash_of,
    kinds_of,
    slot_of,
    word_end,
)

BULLET, HASH, NEWLINE, RETURN = (ord(c) for c in "•#\n\r")
_BASE = np.uint64(0x9E3779B97F4A7C15)
LONGEST_STOP = 6
"""Characters of a stop word, at most."""


@njit
def _table_size(count):  # type: ignore[no-untyped-def]
    size = 16
    while size < 2 * count:
        size *= 2
    return size


@njit
def _count_grams(sums, power, n, alive, keys, counts, slots):  # type: ignore[no-untyped-def]
    """Count the n-grams that begin at `alive` places (`slots` says where); alive stay those that come twice."""
    grams = sums.size - n
    counts[:] = 0
    for i in range(grams):
        if alive[i]:
            key = sums[i + n] - sums[i] * power
            at = slot_of(keys, counts, key)
            keys[at] = key
            counts[at] += 1
            slots[i] = at
    for i in range(grams):
        alive[i] = alive[i] and counts[slots[i]] > 1
    alive[max(grams, 0) :] = 0


@njit
def _top_gram(lengths, n, alive, counts, slots):  # type: ignore[no-untyped-def]
    """Characters, spaces counted, that the most frequent n-gram takes; of equally frequent ones the first."""
    best, first = 1, 0
    for i in range(lengths.size - n + 1):
        if alive[i] and counts[slots[i]] > best:
            best, first = counts[slots[i]], i
    return (lengths[first : first + n].sum() + n - 1) * best if lengths.size >= n else 0


@njit
def _duplicate_grams(lengths, n, alive, counts, slots):  # type: ignore[no-untyped-def]
    """Characters in n-grams that came before; after a hit the window jumps behind it, so that none counts twice.

    A count below zero marks an n-gram that was met.
    """
    characters = i = 0
    while i + n <= lengths.size:
        if alive[i] and counts[slots[i]] < 0:
            characters += lengths[i : i + n].sum()
            i += n
        else:
            if alive[i]:
                counts[slots[i]] = -1
            i += 1
    return characters


@njit
def _duplicate_parts(points, start, end, gap):  # type: ignore[no-untyped-def]
    """Of the parts between runs of `gap` newlines or more: how many, how many came before, characters in those."""
    parts = 1
    i = start
    while i < end:
        run = i
        while run < end and points[run] == NEWLINE:
            run += 1
        parts += run - i >= gap
        i = max(run, i + 1)
    keys, used = np.empty(_table_size(parts), np.uint64), np.zeros(_table_size(parts), np.uint8)
    repeated = characters = 0
    i = begin = start
    while True:
        run = i
        while run < end and points[run] == NEWLINE:
            run += 1
        if i < end and run - i < gap:
            i = max(run, i + 1)
            continue
        key = hash_of(points, begin, i)
        at = slot_of(keys, used, key)
        if used[at]:
            repeated += 1
            characters += i - begin
        keys[at] = key
        used[at] = 1
        if i >= end:
            return parts, repeated, characters
        i = begin = run


@njit
def _repetition(points, kinds, codes, lengths, out):  # type: ignore[no-untyped-def]
    """Fill the first 13 scores: shares of paragraphs, lines and n-grams that repeat."""
    size, count = points.size - 2, codes.size
    chars = max(size - 1, 1)
    first, last = 1, size
    while first < last and kinds[first] & SPACE:
        first += 1
    while last > first and kinds[last - 1] & SPACE:
        last -= 1
    parts, repeated, characters = _duplicate_parts(points, first, last, 2)
    out[0], out[1] = repeated / parts, characters / chars
    parts, repeated, characters = _duplicate_parts(points, 1, size, 1)
    out[2], out[3] = repeated / parts, characters / chars
    sums = np.zeros(count + 1, np.uint64)
    for k in range(count):
        sums[k + 1] = sums[k] * _BASE + codes[k]
    room = _table_size(count)
    keys, counts, slots = np.empty(room, np.uint64), np.empty(room, np.int32), np.empty(count, np.int64)
    alive = np.ones(count, np.uint8)  # where an n-gram comes once, no longer one comes twice
    power = _BASE
    for n in range(2, 11):
        power *= _BASE
        _count_grams(sums, power, n, alive, keys, counts, slots)
        if n < 5:
            out[2 + n] = _top_gram(lengths, n, alive, counts, slots) / chars
        else:
            out[2 + n] = _duplicate_grams(lengths, n, alive, counts, slots) / chars


@njit
def _marks(points):  # type: ignore[no-untyped-def]
    """How many "#" a text has, and how many "..." or "…"."""
    size, i, hashes, ellipses = points.size - 2, 1, 0, 0
    while i < size:
        if i + 2 < size and points[i] == DOT and points[i + 1] == DOT and points[i + 2] == DOT:
            ellipses += 1
            i += 3
        else:
            hashes += points[i] == HASH
            ellipses += points[i] == ELLIPSIS
            i += 1
    return hashes, ellipses


@njit
def _lines(points, kinds):  # type: ignore[no-untyped-def]
    """How many lines a text has (one at least), how many begin with a bullet, how many end in an ellipsis."""
    size, i, lines, bullets, trailing = points.size - 2, 1, 0, 0, 0
    while i < size or lines == 0:
        head = i
        while i < size and not kinds[i] & END:
            i += 1
        tail = i
        while head < tail and kinds[head] & SPACE:
            head += 1
        while tail > head and kinds[tail - 1] & SPACE:
            tail -= 1
        lines += 1
        if tail > head:
            bullets += points[head] in (BULLET, DASH)
            three = tail - head > 2 and points[tail - 2] == DOT and points[tail - 3] == DOT
            trailing += points[tail - 1] == ELLIPSIS or (points[tail - 1] == DOT and three)
        i += 2 if i + 1 < size and points[i] == RETURN and points[i + 1] == NEWLINE else 1
    return lines, bullets, trailing


@njit(nogil=True)
def _scores(points, table, stops, out):  # type: ignore[no-untyped-def]
    """Fill `out` with the scores in the order of `quality.ALL`. `stops`: the hashes of the stop words."""
    kinds, size = kinds_of(points, table), points.size - 2
    codes, lengths, starts = np.empty(size, np.uint64), np.empty(size, np.int64), np.empty(size, np.int64)
    seen = np.zeros(stops.size, np.uint8)
    count = real = real_chars = alpha = 0
    i = 1
    while i < size:
        if kinds[i] & SPACE:
            i += 1
            continue
        end = word_end(points, kinds, i, size)
        code, kind = hash_of(points, i, end), np.uint8(0)
        for j in range(i, end):
            kind |= kinds[j]
        if end - i > 1 or (kind & WORD and not kind & UNDERSCORE):
            real += 1
            real_chars += end - i
        alpha += kind & ALPHA != 0
        if end - i <= LONGEST_STOP:
            for j in range(stops.size):
                seen[j] |= stops[j] == code
        codes[count], lengths[count], starts[count] = code, end - i, i
        count += 1
        i = end
    _repetition(points, kinds, codes[:count], lengths[:count], out)
    hashes, ellipses = _marks(points)
    lines, bullets, trailing = _lines(points, kinds)
    words = max(count, 1)
    out[13], out[14] = real, real_chars / max(real, 1)
    out[15], out[16] = hashes / words, ellipses / words
    out[17], out[18] = bullets / lines, trailing / lines
    out[19], out[20] = alpha / words, seen.sum()
    line_scores(points, kinds, starts[:count], out[21:])


@lru_cache(maxsize=1)
def scores_into() -> Callable[..., Any]:
    """The compiled pass over a text."""
    return kept(_scores)
