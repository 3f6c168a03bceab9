"""BPE's merges over counted words: a heap of pairs, and for each pair the places where it begins.

All words lie end to end in `cells`, a cell for each byte and one for each word's end. A token of n bytes has its id in
its first cell and, if n > 1, -n in its last, so both neighbours of a place are found without links. A pair is born in
one step, the one that makes the younger of its two tokens, so its list of places is written once and only goes stale;
its count is kept exact. Ties: the pair of the lower left id, then of the lower right id, as in rustbpe and minbpe.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit

from trivium.stages.tokenizer.kernels import kept

END, INSIDE = np.int32(2**31 - 1), np.int32(-(2**31))
"""The cell behind a word; a cell that neither begins nor ends a token."""
DONE, FULL_PAIRS, FULL_PLACES, EXHAUSTED = range(4)
"""Why `_merge` came back: it did its share; it needs more room for pairs or for places; no pair is left."""
PAIRS, PLACES, HEAP, TOKENS = range(4)
"""What `used` counts."""
_MIX, _S32, _ONE = np.uint64(0x9E3779B97F4A7C15), np.uint64(32), np.uint64(1)


@njit(inline="always")
def _key(left, right):  # type: ignore[no-untyped-def]  # numba knows
    return np.uint64(left) << _S32 | np.uint64(right)


@njit(inline="always")
def _slot(key, slots, keys):  # type: ignore[no-untyped-def]
    """Where a pair's number plus one is, or the free slot where it belongs."""
    mask = np.uint64(slots.size - 1)
    at = (key * _MIX >> _S32) & mask
    while slots[at] and keys[slots[at] - 1] != key:
        at = (at + _ONE) & mask
    return at


@njit(inline="always")
def _before(pair, count, other, other_count, keys):  # type: ignore[no-untyped-def]
    return count > other_count or (count == other_count and keys[pair] < keys[other])


@njit
def _push(pair, count, heap, weights, keys, used):  # type: ignore[no-untyped-def]
    at = used[HEAP]
    used[HEAP] += 1
    while at:
        above = (at - 1) >> 1
        if not _before(pair, count, heap[above], weights[above], keys):
            break
        heap[at], weights[at] = heap[above], weights[above]
        at = above
    heap[at], weights[at] = pair, count


@njit
def _sink(pair, count, heap, weights, keys, size):  # type: ignore[no-untyped-def]
    """Put a pair in the top's stead."""
    at = 0
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        right = below + 1
        if right < size and _before(heap[right], weights[right], heap[below], weights[below], keys):
            below = right
        if not _before(heap[below], weights[below], pair, count, keys):
            break
        heap[at], weights[at] = heap[below], weights[below]
        at = below
    heap[at], weights[at] = pair, count


@njit
def _top(heap, weights, counts, keys, used):  # type: ignore[no-untyped-def]
    """Take out the most frequent pair; -1 when none is left. Counts in the heap are corrected as they come up."""
    while used[HEAP]:
        pair = heap[0]
        now = counts[pair]
        if now == weights[0] and now > 0:
            used[HEAP] -= 1
            _sink(heap[used[HEAP]], weights[used[HEAP]], heap, weights, keys, used[HEAP])
            return pair
        if now > 0:
            _sink(pair, now, heap, weights, keys, used[HEAP])
        else:
            used[HEAP] -= 1
            _sink(heap[used[HEAP]], weights[used[HEAP]], heap, weights, keys, used[HEAP])
    return -1


@njit(nogil=True)
def _lay(raw, starts, cells, word_of):  # type: ignore[no-untyped-def]
    """Fill `cells` with the words' bytes and ends, and `word_of` with the word of each cell."""
    at = 0
    for word in range(starts.size - 1):
        for i in range(starts[word] - starts[0], starts[word + 1] - starts[0]):
            cells[at], word_of[at] = raw[i], word
            at += 1
        cells[at], word_of[at] = END, word
        at += 1


@njit(nogil=True)
def _begin(cells, word_of, times, slots, keys, counts, firsts, places, heap, weights, used):  # type: ignore[no-untyped-def]
    """The pairs of bytes: at most 65,536."""
    totals, many = np.zeros(65536, np.int64), np.zeros(65536, np.int64)
    for at in range(cells.size - 1):
        if cells[at] != END and cells[at + 1] != END:
            code = cells[at] << 8 | cells[at + 1]
            totals[code] += times[word_of[at]]
            many[code] += 1
    number = 0
    for code in range(65536):
        if many[code]:
            keys[number] = _key(code >> 8, code & 255)
            slots[_slot(keys[number], slots, keys)] = number + 1
            counts[number] = totals[code]
            firsts[number + 1] = firsts[number] + many[code]
            _push(number, totals[code], heap, weights, keys, used)
            many[code] = firsts[number]
            number += 1
    for at in range(cells.size - 1):
        if cells[at] != END and cells[at + 1] != END:
            code = cells[at] << 8 | cells[at + 1]
            places[many[code]] = at
            many[code] += 1
    used[PAIRS], used[PLACES] = number, firsts[number]


@njit(inline="always")
def _left_of(at, cells):  # type: ignore[no-untyped-def]
    """Where the token before the one at `at` begins; -1 at a word's beginning."""
    if at == 0 or cells[at - 1] == END:
        return -1
    return at - 1 if cells[at - 1] >= 0 else at + cells[at - 1]


@njit
def _join(pair, token, cells, word_of, sizes, times, slots, keys, counts, firsts, places):  # type: ignore[no-untyped-def]
    """Make the token wherever the pair is, from left to right, and uncount the pairs that end there.

    The places where it was made come back at the beginning of the pair's own list; how many.
    """
    left, right = np.int64(keys[pair] >> _S32), np.int64(keys[pair] & np.uint64(0xFFFFFFFF))
    first, made, reach = firsts[pair], 0, sizes[left]
    size = reach + sizes[right]
    for i in range(first, firsts[pair + 1]):
        at = places[i]
        if cells[at] != left or cells[at + reach] != right:
            continue
        weight = times[word_of[at]]
        before = _left_of(at, cells)
        if before >= 0 and cells[before] != token:
            counts[slots[_slot(_key(cells[before], left), slots, keys)] - 1] -= weight
        after = cells[at + size]
        if after != END:
            counts[slots[_slot(_key(right, after), slots, keys)] - 1] -= weight
        cells[at + reach - 1] = cells[at + reach] = INSIDE
        cells[at], cells[at + size - 1] = token, -size
        places[first + made] = at
        made += 1
    counts[pair] = 0
    return made


@njit(inline="always")
def _meet(left, right, weight, slots, keys, counts, many, used):  # type: ignore[no-untyped-def]
    """Count a new pair at one more place; its number."""
    key = _key(left, right)
    at = _slot(key, slots, keys)
    if not slots[at]:
        number = used[PAIRS]
        keys[number], counts[number], many[number] = key, 0, 0
        used[PAIRS] = number + 1
        slots[at] = number + 1
    number = slots[at] - 1
    counts[number] += weight
    many[number] += 1
    return number


@njit
def _bear(first, made, token, cells, word_of, sizes, times, slots, keys, counts, firsts, many, places, used, met):  # type: ignore[no-untyped-def]
    """Count the new token's pairs with its neighbours and write their places. `met` has room for two numbers a place.

    Between two new tokens the pair is the left one's.
    """
    born = used[PAIRS]
    for i in range(made):
        at = places[first + i]
        weight = times[word_of[at]]
        before, after = _left_of(at, cells), cells[at + sizes[token]]
        alone = before >= 0 and cells[before] != token
        met[2 * i] = _meet(cells[before], token, weight, slots, keys, counts, many, used) if alone else -1
        met[2 * i + 1] = _meet(token, after, weight, slots, keys, counts, many, used) if after != END else -1
    for number in range(born, used[PAIRS]):
        firsts[number + 1] = firsts[number] + many[number]
        many[number] = firsts[number]
    for i in range(made):
        at = places[first + i]
        if met[2 * i] >= 0:
            places[many[met[2 * i]]] = _left_of(at, cells)
            many[met[2 * i]] += 1
        if met[2 * i + 1] >= 0:
            places[many[met[2 * i + 1]]] = at
            many[met[2 * i + 1]] += 1
    used[PLACES] = firsts[used[PAIRS]]
    return born


@njit(nogil=True)
def _merge(steps, cells, word_of, sizes, times, slots, keys, counts, firsts, many, places, heap, weights, used, out):  # type: ignore[no-untyped-def]
    """Up to `steps` more merges, written to `out` (merges, 2); why it came back."""
    for _ in range(steps):
        pair = _top(heap, weights, counts, keys, used)
        if pair < 0:
            return EXHAUSTED
        most = 2 * (firsts[pair + 1] - firsts[pair])
        if 2 * (used[PAIRS] + most) >= slots.size or used[PLACES] + most > places.size:
            _push(pair, counts[pair], heap, weights, keys, used)
            return FULL_PLACES if used[PLACES] + most > places.size else FULL_PAIRS
        token = used[TOKENS]
        left, right = keys[pair] >> _S32, keys[pair] & np.uint64(0xFFFFFFFF)
        sizes[token] = sizes[left] + sizes[right]
        made = _join(pair, token, cells, word_of, sizes, times, slots, keys, counts, firsts, places)
        met = np.empty(2 * made, np.int32)
        args = (cells, word_of, sizes, times, slots, keys, counts, firsts, many, places, used, met)
        for number in range(_bear(firsts[pair], made, token, *args), used[PAIRS]):
            _push(number, counts[number], heap, weights, keys, used)
        out[token - 256, 0], out[token - 256, 1] = left, right
        used[TOKENS] = token + 1
    return DONE


@njit(nogil=True)
def _place(keys, pairs, slots):  # type: ignore[no-untyped-def]
    """Fill empty `slots` with the first `pairs` pairs."""
    for number in range(pairs):
        slots[_slot(keys[number], slots, keys)] = number + 1


@lru_cache(maxsize=1)
def lay() -> Callable[..., Any]:
    """The compiled `_lay`."""
    return kept(_lay)


@lru_cache(maxsize=1)
def begin() -> Callable[..., Any]:
    """The compiled `_begin`."""
    return kept(_begin)


@lru_cache(maxsize=1)
def merge() -> Callable[..., Any]:
    """The compiled `_merge`."""
    return kept(_merge)


@lru_cache(maxsize=1)
def place() -> Callable[..., Any]:
    """The compiled `_place`."""
    return kept(_place)
