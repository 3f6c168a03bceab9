"""Hashes of a text's runs of n words, and their search among those of test sets; compiled.

Words are letters and digits in a row, ASCII capitals made small; marks and spaces do not count, so that another layout
of the same text is found.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_PRIME, _BASIS = np.uint64(0x100000001B3), np.uint64(0xCBF29CE484222325)
_ODD, _S31, _S29 = np.uint64(0x9E3779B97F4A7C15), np.uint64(31), np.uint64(29)


@njit
def words_into(text, words):  # type: ignore[no-untyped-def]
    """Fill the hashes of a text's words (UTF-8); what comes back is their number."""
    value, inside, count = _BASIS, False, 0
    for i in range(text.size + 1):
        byte = text[i] if i < text.size else np.uint8(32)
        if 65 <= byte <= 90:
            byte = np.uint8(byte + 32)
        if 97 <= byte <= 122 or 48 <= byte <= 57 or byte >= 128:
            value = (value ^ np.uint64(byte)) * _PRIME
            inside = True
        elif inside:
            words[count] = value ^ value >> _S29
            count, value, inside = count + 1, _BASIS, False
    return count


@njit
def runs_into(words, count, n, runs):  # type: ignore[no-untyped-def]
    """Fill the hashes of all runs of n words, by a rolling polynomial; what comes back is their number."""
    if count < n:
        return 0
    highest = np.uint64(1)
    for _ in range(n - 1):
        highest *= _ODD
    value = np.uint64(0)
    for k in range(count):
        if k >= n:
            value -= words[k - n] * highest
        value = value * _ODD + words[k]
        if k >= n - 1:
            runs[k - n + 1] = value ^ value >> _S31
    return count - n + 1


@njit
def first_known(runs, count, known):  # type: ignore[no-untyped-def]
    """The place in `known` (sorted) of the first run that it has; -1 where it has none."""
    for k in range(count):
        low, high = 0, known.size
        while low < high:
            middle = (low + high) // 2
            if known[middle] < runs[k]:
                low = middle + 1
            else:
                high = middle
        if low < known.size and known[low] == runs[k]:
            return low
    return -1
