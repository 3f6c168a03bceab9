"""Hashed words and pairs of words, weighed in one pass over a text's bytes; compiled.

A linear model on hashed features (Weinberger et al. 2009, "Feature hashing"), normed by the root of their number, so
that a long text is not surer for its length. Letters are folded for ASCII only; bytes above it count as letters.
"""

from __future__ import annotations

import numpy as np
from numba import njit

BITS = 18
"""Of the table of weights: 2^18 numbers, 1 MiB."""
_MASK = np.uint64((1 << BITS) - 1)
_PRIME, _BASIS, _PAIR = np.uint64(0x100000001B3), np.uint64(0xCBF29CE484222325), np.uint64(0x9E3779B97F4A7C15)
_S29, _S17 = np.uint64(29), np.uint64(17)


@njit
def places_into(text, places):  # type: ignore[no-untyped-def]
    """Fill the places in the table of a text's words and pairs of words; what comes back is their number.

    `places` has room for as many as the text has bytes, and two more.
    """
    value, before, inside, count = _BASIS, np.uint64(0), False, 0
    for i in range(text.size + 1):
        byte = text[i] if i < text.size else np.uint8(32)
        if 65 <= byte <= 90:
            byte = np.uint8(byte + 32)
        if 97 <= byte <= 122 or 48 <= byte <= 57 or byte >= 128:
            value = (value ^ np.uint64(byte)) * _PRIME
            inside = True
        elif inside:
            value ^= value >> _S29
            pair = (value ^ before * _PAIR) * _PRIME
            places[count] = np.uint32(value & _MASK)
            places[count + 1] = np.uint32(pair >> _S17 & _MASK)
            count += 2
            before, value, inside = value, _BASIS, False
    return count


@njit
def margin_of(text, places, weights):  # type: ignore[no-untyped-def]
    """The log-odds of a text to be good, before the bias; 0 of a text without words."""
    count = places_into(text, places)
    total = np.float32(0.0)
    for k in range(count):
        total += weights[places[k]]
    return total / np.sqrt(np.float32(count)) if count else np.float32(0.0)


@njit
def learn_from(text, places, weights, bias, label, rate):  # type: ignore[no-untyped-def]
    """One step of logistic regression on a text, in place; `bias` is an array of one. What comes back is its loss."""
    count = places_into(text, places)
    norm = np.sqrt(np.float32(max(count, 1)))
    total = np.float32(0.0)
    for k in range(count):
        total += weights[places[k]]
    margin = total / norm + bias[0]
    chance = 1 / (1 + np.exp(-margin))
    step = rate * (label - chance)
    bias[0] += np.float32(0.1 * step)
    each = np.float32(step / norm)
    for k in range(count):
        weights[places[k]] += each
    return -np.log(max(chance if label > 0.5 else 1 - chance, 1e-9))
