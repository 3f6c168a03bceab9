"""Counting pre-tokens: an open table of 64-bit hashes over words that lie end to end in one array of bytes.

A word is a number; `hashes`, `counts` and `starts` (one longer) say what it is, `raw` holds the bytes. `slots` holds
word numbers plus one, 0 where it is free, at most half of them taken. `used` is how many words there are. Two words
of one hash are told apart by their bytes: counts are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit

from trivium.stages.tokenizer.kernels import kept
from trivium.stages.tokenizer.kernels.split import piece_end

_BASIS, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = (np.uint64(n) for n in (30, 27, 31))
_ONE = np.uint64(1)


@njit(inline="always")
def _hash(text, start, end):  # type: ignore[no-untyped-def]  # numba knows
    """FNV-1a over the bytes, its bits stirred by the finisher of splitmix64."""
    value = _BASIS
    for i in range(start, end):
        value = (value ^ np.uint64(text[i])) * _PRIME
    value = (value ^ (value >> _S30)) * _M1
    value = (value ^ (value >> _S27)) * _M2
    return value ^ (value >> _S31)


@njit(inline="always")
def _same(text, start, size, raw, at, end):  # type: ignore[no-untyped-def]
    if end - at != size:
        return False
    for k in range(size):
        if text[start + k] != raw[at + k]:
            return False
    return True


@njit(inline="always")
def _add(text, start, end, key, times, slots, hashes, counts, starts, raw, used):  # type: ignore[no-untyped-def]
    """Count a word `times` more; False, and nothing done, when there is no room for a new one."""
    mask = np.uint64(slots.size - 1)
    at = key & mask
    while slots[at]:
        word = slots[at] - 1
        if hashes[word] == key and _same(text, start, end - start, raw, starts[word], starts[word + 1]):
            counts[word] += times
            return True
        at = (at + _ONE) & mask
    word, begin = used[0], starts[used[0]]
    if 2 * word >= slots.size or word == hashes.size or begin + end - start > raw.size:
        return False
    slots[at] = word + 1
    hashes[word], counts[word] = key, times
    for k in range(end - start):
        raw[begin + k] = text[start + k]
    starts[word + 1] = begin + end - start
    used[0] = word + 1
    return True


@njit(nogil=True)
def _count(text, begin, stop, table, digits, slots, hashes, counts, starts, raw, used):  # type: ignore[no-untyped-def]
    """Count the pre-tokens of the document from `begin` to `stop`; where the first one without room begins, or stop."""
    while begin < stop:
        end = piece_end(text, begin, stop, table, digits)
        key = _hash(text, begin, end)
        if not _add(text, begin, end, key, 1, slots, hashes, counts, starts, raw, used):
            break
        begin = end
    return begin


@njit(nogil=True)
def _gather(keys, times, bounds, text, first, slots, hashes, counts, starts, raw, used):  # type: ignore[no-untyped-def]
    """Add words that were counted elsewhere, from number `first` on; the first one without room, or how many."""
    while first < keys.size:
        begin, end = bounds[first] - bounds[0], bounds[first + 1] - bounds[0]
        if not _add(text, begin, end, keys[first], times[first], slots, hashes, counts, starts, raw, used):
            break
        first += 1
    return first


@njit(nogil=True)
def _place(hashes, words, slots):  # type: ignore[no-untyped-def]
    """Fill empty `slots` with the first `words` words."""
    mask = np.uint64(slots.size - 1)
    for word in range(words):
        at = hashes[word] & mask
        while slots[at]:
            at = (at + _ONE) & mask
        slots[at] = word + 1


@njit(nogil=True)
def _copy(order, starts, raw, out):  # type: ignore[no-untyped-def]
    """Write the bytes of words in a given order, end to end; how many bytes."""
    at = 0
    for word in order:
        for i in range(starts[word], starts[word + 1]):
            out[at] = raw[i]
            at += 1
    return at


@lru_cache(maxsize=1)
def count() -> Callable[..., Any]:
    """The compiled `_count`."""
    return kept(_count)


@lru_cache(maxsize=1)
def gather() -> Callable[..., Any]:
    """The compiled `_gather`."""
    return kept(_gather)


@lru_cache(maxsize=1)
def place() -> Callable[..., Any]:
    """The compiled `_place`."""
    return kept(_place)


@lru_cache(maxsize=1)
def copy() -> Callable[..., Any]:
    """The compiled `_copy`."""
    return kept(_copy)
