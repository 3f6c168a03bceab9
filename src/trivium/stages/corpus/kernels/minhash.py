"""Sketches in one pass over a text's characters: fold, cut into words, hash word n-grams, keep the least of each bin.

Classic MinHash (Broder 1997) tries every n-gram in every hash of the signature. Fast similarity sketching (Dahlgaard,
Knudsen and Thorup, FOCS 2017, arXiv 1704.04370) throws each n-gram into one of the signature's bins, in rounds until
no bin is empty, and keeps a bin's least of its first round. Two sets agree in a bin with the probability of their
Jaccard index, as before, and the share of bins that agree varies less; a long text needs one round, not 112 hashes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit

from trivium.stages.corpus.kernels import kept
from trivium.stages.corpus.kernels.fold import LETTER, LIMIT, MANY

_STRIDE = np.uint64(0x9E3779B97F4A7C15)
_PRIME = np.uint64(0x100000001B3)
_BASIS = np.uint64(0xCBF29CE484222325)
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S32, _S48 = (np.uint64(n) for n in (30, 27, 31, 32, 48))
_NONE, _ONE = np.uint64(0), np.uint64(1)
_VALUE = np.uint64(2**48 - 1)
"""Bits of a bin's value that come from the n-gram; the round is above them, so that an earlier round is less."""
_HIGHEST = np.uint64(0xFFFFFFFFFFFFFFFF)


@njit(inline="always")
def _mixed(value):  # type: ignore[no-untyped-def]  # numba knows
    """Bits stirred so that every output bit hangs on every input bit (the finisher of splitmix64)."""
    value = (value ^ (value >> _S30)) * _M1
    value = (value ^ (value >> _S27)) * _M2
    return value ^ (value >> _S31)


@njit(inline="always")
def _point(text, i):  # type: ignore[no-untyped-def]
    """The character that begins at byte `i` of UTF-8 text, and where the next one begins."""
    lead = np.uint32(text[i])
    if lead < 0x80:
        return lead, i + 1
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | (text[i + 1] & 0x3F), i + 2
    point = np.uint32(text[i + 1] & 0x3F) << 6 | (text[i + 2] & 0x3F)
    if lead < 0xF0:
        return (lead & 0xF) << 12 | point, i + 3
    return (lead & 0x7) << 18 | point << 6 | (text[i + 3] & 0x3F), i + 4


@njit
def _words_into(text, begin, stop, single, starts, pool, codes):  # type: ignore[no-untyped-def]
    """Write the hashes of a text's words and return how many: FNV over the folded characters, all numbers as "0".

    The text is whole UTF-8 characters, the last of them a space. What a character does is selected, not branched on,
    since where words end cannot be predicted; each one writes, and only a word's end moves on. No reallocation inside,
    for numba would count references at each character.
    """
    words = at = end = inside = number = _NONE
    i, stop, word = np.uint64(begin), np.uint64(stop), _BASIS
    while i < stop or at < end:
        if at < end:  # parts of a character that does not fold to one
            folded = pool[at]
            at += _ONE
        else:
            point = np.uint32(text[i])
            if point < 0x80:
                i += _ONE
            else:
                point, after = _point(text, np.int64(i))
                i = np.uint64(after)
            folded = single[point] if point < LIMIT else point << np.uint32(2) | np.uint32(LETTER)
            if folded == MANY:
                at, end = np.uint64(starts[point]), np.uint64(starts[point + 1])
                continue
        kind = np.uint64(folded & np.uint32(3))  # gap 0, letter 1, digit 2
        digit = kind >> _ONE
        char = np.uint64(48) if digit else np.uint64(folded >> np.uint32(2))
        within = kind != _NONE
        longer = word if digit & number else (word ^ char) * _PRIME
        codes[words] = word
        words += inside & np.uint64(not within)
        word = longer if within else _BASIS
        inside = np.uint64(within)
        number = digit
    return np.int64(words)


@njit
def _grams_into(codes, words, ngram, seed):  # type: ignore[no-untyped-def]
    """Turn word hashes into those of n-grams, in place, and return how many.

    A text of fewer words than `ngram` is one n-gram; one without words is the empty n-gram.
    """
    for i in range(words):
        codes[i] = _mixed(codes[i])
    grams, length = max(words - ngram + 1, 1), min(words, ngram)
    for i in range(grams):
        gram = seed
        for k in range(length):
            gram = gram * _STRIDE + codes[i + k]
        codes[i] = _mixed(gram)
    return grams


@njit(inline="always")
def _bin(gram, bins):  # type: ignore[no-untyped-def]
    return (gram >> _S32) * bins >> _S32


@njit
def _sketch(grams, least):  # type: ignore[no-untyped-def]
    """Fill `least` (bins,): by the least of the n-grams that fall into a bin in the first round in which any does.

    After as many rounds as there are bins, all n-grams go into the one bin that is the round's: then none is empty.
    """
    bins = np.uint64(least.size)
    least[:] = _HIGHEST
    for gram in grams:
        at = _bin(gram, bins)
        least[at] = min(least[at], gram & _VALUE)
    empty = np.sum(least == _HIGHEST)
    turn = _ONE
    while empty and turn < bins:
        for gram in grams:
            again = _mixed(gram + turn * _STRIDE)
            at = _bin(again, bins)
            empty -= least[at] == _HIGHEST
            least[at] = min(least[at], turn << _S48 | (again & _VALUE))
        turn += _ONE
    if empty:
        for at in range(least.size):
            if least[at] == _HIGHEST:
                turn = bins + np.uint64(at)
                for gram in grams:
                    least[at] = min(least[at], turn << _S48 | (_mixed(gram + turn * _STRIDE) & _VALUE))


@njit(nogil=True)
def _sign(text, ends, single, starts, pool, seed, ngram, table):  # type: ignore[no-untyped-def]
    begin = longest = 0
    for end in ends:
        longest = max(longest, end - begin)
        begin = end
    codes = np.empty(longest + 1, np.uint64)  # a byte makes no more than a word; what is not written takes no memory
    begin = 0
    for i in range(ends.size):
        words = _words_into(text, begin, ends[i], single, starts, pool, codes)
        _sketch(codes[: _grams_into(codes, words, ngram, seed)], table[i])
        begin = ends[i]


@njit(nogil=True)
def _keys_into(table, keys):  # type: ignore[no-untyped-def]
    rows = table.shape[1] // keys.shape[0]
    for i in range(table.shape[0]):
        for band in range(keys.shape[0]):
            key = _NONE
            for h in range(band * rows, (band + 1) * rows):
                key = _mixed(key + table[i, h])
            keys[band, i] = key


@lru_cache(maxsize=1)
def sign() -> Callable[..., Any]:
    """The compiled function: texts as UTF-8 with a space behind each, their ends (n,), the folding, seed, n-gram's
    length, and the table (n, hashes) that is filled.
    """
    return kept(_sign)


@lru_cache(maxsize=1)
def keys_into() -> Callable[..., Any]:
    """The compiled function: a table (n, bands x rows), and the keys (bands, n) that are filled."""
    return kept(_keys_into)
