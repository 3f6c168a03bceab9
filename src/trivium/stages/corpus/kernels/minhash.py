"""MinHash signatures in one pass over a text's characters: fold, cut into words, hash word n-grams, keep the least.

A hash function of the signature is x -> a x + b modulo 2^64 with odd a, on n-gram hashes that are well mixed already.
(MinHash: Broder 1997. One compiled pass instead of a table of all n-grams and hashes: nothing of a text is kept.)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from trivium.stages.corpus.kernels import kept
from trivium.stages.corpus.kernels.fold import DIGIT, LETTER, LIMIT, MANY

Array = npt.NDArray[np.uint64]
_STRIDE = np.uint64(0x9E3779B97F4A7C15)
_PRIME = np.uint64(0x100000001B3)
_BASIS = np.uint64(0xCBF29CE484222325)
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_ZERO = np.uint64(48)
"""What every number is hashed as: the digit 0."""
_HIGHEST = np.uint64(0xFFFFFFFFFFFFFFFF)


@njit(inline="always")
def _mixed(value):  # type: ignore[no-untyped-def]  # numba knows
    """Bits stirred so that every output bit hangs on every input bit (the finisher of splitmix64)."""
    value = (value ^ (value >> _S30)) * _M1
    value = (value ^ (value >> _S27)) * _M2
    return value ^ (value >> _S31)


@njit(inline="always")
def _lower(least, factors, offsets, gram):  # type: ignore[no-untyped-def]
    """Lower the signature by one n-gram."""
    for h in range(least.size):
        value = gram * factors[h] + offsets[h]
        least[h] = min(value, least[h])


@njit(inline="always")
def _gram(codes, count):  # type: ignore[no-untyped-def]
    """The hash of the first `count` words."""
    gram = np.uint64(0)
    for k in range(count):
        gram = gram * _STRIDE + codes[k]
    return _mixed(gram)


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


@njit(nogil=True)
def _lower_to(text, single, starts, pool, factors, offsets, ngram, least):  # type: ignore[no-untyped-def]
    """Fill `least` (hashes,) with the signature of a text: bytes of whole UTF-8 characters, the last of them a space.

    A text of fewer words than `ngram` is one n-gram; one without words is the empty n-gram.
    """
    least[:] = _HIGHEST
    codes = np.zeros(ngram, np.uint64)  # of the last words; while there are few, of all
    words = i = at = end = 0
    word, inside, number = _BASIS, False, False
    while i < text.size or at < end:
        if at < end:  # parts of a character that does not fold to one
            folded = pool[at]
            at += 1
        else:
            point, i = _point(text, i)
            folded = single[point] if point < LIMIT else point << 2 | LETTER
            if folded == MANY:
                at, end = starts[point], starts[point + 1]
                continue
        kind = folded & 3
        if kind == LETTER:
            word = (word ^ np.uint64(folded >> 2)) * _PRIME
            inside, number = True, False
        elif kind == DIGIT:
            if not number:
                word = (word ^ _ZERO) * _PRIME
            inside = number = True
        elif inside:
            if words >= ngram:
                for k in range(ngram - 1):
                    codes[k] = codes[k + 1]
            codes[min(words, ngram - 1)] = _mixed(word)
            words += 1
            if words >= ngram:
                _lower(least, factors, offsets, _gram(codes, ngram))
            word, inside, number = _BASIS, False, False
    if words < ngram:
        _lower(least, factors, offsets, _gram(codes, words))


@lru_cache(maxsize=1)
def lower_to() -> Callable[..., Any]:
    """The compiled function."""
    return kept(_lower_to)
