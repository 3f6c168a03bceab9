"""The bytes of a page: what ends where. Each function reads forward from a place and never looks back."""

from __future__ import annotations

import numpy as np
from numba import njit

_PRIME, _BASIS = np.uint64(0x100000001B3), np.uint64(0xCBF29CE484222325)
LT, GT, SLASH, BANG, ASK, DASH, EQUAL, QUOTE, APOSTROPHE = (ord(c) for c in "<>/!?-=\"'")


@njit
def is_space(byte):  # type: ignore[no-untyped-def]
    """Whether a byte is space in HTML."""
    return byte == 32 or 9 <= byte <= 13


@njit
def is_letter(byte):  # type: ignore[no-untyped-def]
    """Whether a byte is an ASCII letter."""
    return 97 <= byte | 32 <= 122


@njit
def lower(byte):  # type: ignore[no-untyped-def]
    """The small letter of an ASCII capital; other bytes as they are."""
    return byte | 32 if 65 <= byte <= 90 else byte


@njit
def hash_between(page, start, end):  # type: ignore[no-untyped-def]
    """FNV-1a of the bytes, capitals made small."""
    value = _BASIS
    for i in range(start, end):
        value = (value ^ np.uint64(lower(page[i]))) * _PRIME
    return value


@njit
def end_of_attributes(page, i, size):  # type: ignore[no-untyped-def]
    """Where the > of a tag is, from a place behind its name; `size` where there is none. Quotes may hold a >."""
    while i < size and page[i] != GT:
        if page[i] != EQUAL:
            i += 1
            continue
        i += 1
        while is_space(page[i]):
            i += 1
        quote = page[i]
        if quote == QUOTE or quote == APOSTROPHE:
            i += 1
            while i < size and page[i] != quote:
                i += 1
            i += 1
        else:
            while i < size and not is_space(page[i]) and page[i] != GT:
                i += 1
    return min(i, size)


@njit
def end_of_skipped(page, i, name, size):  # type: ignore[no-untyped-def]
    """Where the end tag of a skipped element begins; -1 where there is none."""
    while i < size:
        if page[i] == LT and page[i + 1] == SLASH and is_letter(page[i + 2]):
            j = i + 2
            while is_letter(page[j]) or 48 <= page[j] <= 57:
                j += 1
            if hash_between(page, i + 2, j) == name:
                return i
            i = j
        else:
            i += 1
    return -1


@njit
def end_of_comment(page, i, size):  # type: ignore[no-untyped-def]
    """Where text goes on behind a comment, a doctype or an instruction that begins at i."""
    if page[i + 1] == BANG and page[i + 2] == DASH and page[i + 3] == DASH:
        j = i + 4
        if page[j] == GT:
            return j + 1
        while j < size and not (page[j] == DASH and page[j + 1] == DASH and (page[j + 2] == GT or page[j + 2] == BANG)):
            j += 1
        while j < size and page[j] != GT:
            j += 1
        return j + 1
    while i < size and page[i] != GT:
        i += 1
    return i + 1
