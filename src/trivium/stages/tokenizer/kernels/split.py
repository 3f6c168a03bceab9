"""Pre-tokens: the split regexes of `text.patterns` as one automaton over UTF-8.

The regexes differ only in the most digits of a pre-token. What is a letter, a number or a space is asked of the regex
engine that encodes (tiktoken's), not of Python's `unicodedata`: its Unicode is newer than that of older Pythons, and
the vocabulary must be learned from the pieces that encoding will cut, whichever Python trains it. A character that
Unicode assigns later is "other" until tiktoken knows it, in both alike.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from trivium.stages.tokenizer.kernels import kept

OTHER, LETTER, NUMBER, BLANK, NEWLINE = range(5)
"""Kinds of characters; a newline is \\r or \\n, BLANK any other white space."""
KINDS = 0x110000
SPACE, APOSTROPHE = ord(" "), ord("'")
LOWER = 0x20
"""The bit that makes an ASCII letter lower case."""
D, E, L, M, R, S, T, V = (ord(letter) for letter in "delmrstv")
LONG_S = (0xC5, 0xBF)
"""The bytes of ſ, which is an s where case does not count."""


@lru_cache(maxsize=1)
def kinds() -> npt.NDArray[np.uint8]:
    """The kind of each code point (0x110000,), as tiktoken's regex engine knows it."""
    import tiktoken

    single = {bytes([byte]): byte for byte in range(256)}
    text = "".join(map(chr, (*range(0xD800), *range(0xE000, KINDS))))
    table = np.zeros(KINDS, np.uint8)
    for kind, regex in ((LETTER, r"\p{L}+"), (NUMBER, r"\p{N}+"), (BLANK, r"\s+")):
        engine = tiktoken.Encoding("kinds", pat_str=regex, mergeable_ranks=single, special_tokens={})
        found = bytes(engine.encode_ordinary(text)).decode()
        table[np.frombuffer(found.encode("utf-32-le"), "<u4")] = kind
    table[[10, 13]] = NEWLINE
    return table


@njit(inline="always")
def point_at(text, i):  # type: ignore[no-untyped-def]  # numba knows
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


@njit(inline="always")
def _behind(text, i, stop, table, kind):  # type: ignore[no-untyped-def]
    """Where the characters of a kind from `i` on end."""
    while i < stop:
        if text[i] < 0x80:
            if table[text[i]] != kind:
                return i
            i += 1
            continue
        point, after = point_at(text, i)
        if table[point] != kind:
            return i
        i = after
    return i


@njit
def _contraction(text, i, stop):  # type: ignore[no-untyped-def]
    """Where 's, 't, 're, 've, 'm, 'll or 'd ends whose apostrophe is before `i`, in any case; -1 without one."""
    if i >= stop:
        return -1
    first = text[i] | LOWER
    if first in (S, T, M, D):
        return i + 1
    if i + 1 >= stop:
        return -1
    second = text[i + 1] | LOWER
    if (first in (R, V) and second == E) or (first == L and second == L):
        return i + 2
    return i + 2 if (text[i], text[i + 1]) == LONG_S else -1


@njit
def _marks(text, i, stop, table):  # type: ignore[no-untyped-def]
    """Where a run of other characters from `i` on ends, with the newlines behind it."""
    return _behind(text, _behind(text, i, stop, table, OTHER), stop, table, NEWLINE)


@njit
def _spaces(text, i, stop, table):  # type: ignore[no-untyped-def]
    """Where the pre-token of white space that begins at `i` ends: behind the run's last newline; without one before
    its last character, which goes with what follows, unless nothing does or it is the only one.
    """
    end = last = i
    newline = -1
    while end < stop:
        point, after = point_at(text, end)
        kind = table[point]
        if kind == NEWLINE:
            newline = after
        elif kind != BLANK:
            break
        last, end = end, after
    if newline >= 0:
        return newline
    return end if end == stop or last == i else last


@njit
def piece_end(text, i, stop, table, digits):  # type: ignore[no-untyped-def]
    """Where the pre-token that begins at byte `i` of a document that ends at `stop` ends."""
    point, after = point_at(text, i)
    kind = table[point]
    if kind == LETTER:
        return _behind(text, after, stop, table, LETTER)
    if kind == NUMBER:
        for _ in range(1, digits):
            if after >= stop:
                break
            point, behind = point_at(text, after)
            if table[point] != NUMBER:
                break
            after = behind
        return after
    if point == APOSTROPHE:
        end = _contraction(text, after, stop)
        if end >= 0:
            return end
    if after < stop and kind != NEWLINE:
        follower, behind = point_at(text, after)
        if table[follower] == LETTER:
            return _behind(text, behind, stop, table, LETTER)
        if point == SPACE and table[follower] == OTHER:
            return _marks(text, behind, stop, table)
    return _marks(text, after, stop, table) if kind == OTHER else _spaces(text, i, stop, table)


@njit(nogil=True)
def _ends(text, table, digits, ends):  # type: ignore[no-untyped-def]
    i = count = 0
    while i < text.size:
        i = piece_end(text, i, text.size, table, digits)
        ends[count] = i
        count += 1
    return count


@lru_cache(maxsize=1)
def ends() -> Callable[..., Any]:
    """The compiled `_ends`: fills `ends` with where each pre-token ends, and says how many there are."""
    return kept(_ends)


def pieces(text: str, digits: int) -> list[str]:
    """The pre-tokens of a text, in order; `digits`: the most in one (`text.patterns.DIGITS`)."""
    raw = text.encode()
    cuts = np.zeros(len(raw) + 1, np.int64)
    count = ends()(np.frombuffer(raw, np.uint8), kinds(), digits, cuts[1:])
    return [raw[start:end].decode() for start, end in pairwise(cuts[: count + 1].tolist())]
