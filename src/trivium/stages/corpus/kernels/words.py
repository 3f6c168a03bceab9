r"""Words and punctuation marks as spaCy's English splitter cuts them; compiled.

The rules, for a reader of regular expressions: an ellipsis of dots is one; 's, 're, 've, 'll, 'd, 'm is one; a word is
\w+, may be led by one of - -- @ . / \ ~ where no word is before, and goes on through marks inside it, but not through a
hyphen or comma before a letter, a sign between digits, one of : < > = / before a letter, or a stop between a small and
a capital letter; every other mark is one by itself. And the most frequent exceptions: n't, cannot, and/or, one letter
or e.g. with its stop, titles and months with theirs, web addresses whole, underscores around a word apart.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from trivium.stages.corpus.kernels import kept

WORD, ALPHA, DIGIT, SPACE, UPPER, LOWER, END, UNDERSCORE = 1, 2, 4, 8, 16, 32, 64, 128
"""Classes of characters as Python and its `re` see them. END ends a line for `splitlines`; UPPER, LOWER are ASCII."""
LIMIT = 0x20000
"""Characters behind it are letters."""
ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_PRIME = np.uint64(0x100000001B3)
_BASIS = np.uint64(0xCBF29CE484222325)
_M1, _S32, _S29 = np.uint64(0xD6E8FEB86659FD93), np.uint64(32), np.uint64(29)
DOT, DASH, APOSTROPHE, QUOTE, ELLIPSIS = (ord(c) for c in ".-'’…")
S, D, M, R, V, E, L, N, T, C, UPPER_C = (ord(c) for c in "sdmrvelntcC")
LINE, QUESTION, HASH = (ord(c) for c in "_?#")
COMMA, EN_DASH, EM_DASH, PLUS, STAR, CARET, COLON, LESS, MORE, EQUAL, SLASH, BACKSLASH, AT, TILDE = (
    ord(c) for c in ",–—+*^:<>=/\\@~"
)


def _points(word: str) -> npt.NDArray[np.uint32]:
    return np.array([ord(char) for char in word], np.uint32)


def _plain_hash(word: str) -> int:
    """`hash_of` in plain Python, for the few words that are needed before anything is compiled."""
    value, most = int(_BASIS), 2**64 - 1
    for char in word:
        value = ((value ^ ord(char)) * int(_PRIME)) & most
    value = ((value ^ (value >> 32)) * int(_M1)) & most
    return value ^ (value >> 29)


HTTP, HTTPS, WWW, ANNOT, AND_OR = (_points(word) for word in ("http://", "https://", "www.", "annot", "and/or"))
SHORT_WORDS = tuple(
    """Mr Mrs Ms Dr Prof Rev Gen Gov Sen Rep St Mt Jr Sr Co Corp Inc Ltd Bros vs Jan Feb Mar Apr Jun Jul Aug Sep Sept
    Oct Nov Dec""".split()
)
"""Words that keep the stop behind them."""
SHORT = np.array([_plain_hash(word) for word in SHORT_WORDS], np.uint64)
LONGEST_SHORT = max(map(len, SHORT_WORDS))


@lru_cache(maxsize=1)
def classes() -> npt.NDArray[np.uint8]:
    """The classes of each character below LIMIT, as a sum."""
    table = np.zeros(LIMIT, np.uint8)
    for code in range(LIMIT):
        char = chr(code)
        table[code] = (
            WORD * (char.isalnum() or char == "_")
            + ALPHA * char.isalpha()
            + DIGIT * char.isdecimal()
            + SPACE * char.isspace()
            + UPPER * ("A" <= char <= "Z")
            + LOWER * ("a" <= char <= "z")
            + END * (char in ENDS)
            + UNDERSCORE * (char == "_")
        )
    return table


def points_of(text: str) -> npt.NDArray[np.uint32]:
    """The text's characters as numbers, a space before and two behind, so that no rule asks where it ends."""
    return np.frombuffer(f" {text}  ".encode("utf-32-le", "surrogatepass"), np.uint32)


@njit
def kinds_of(points, table):  # type: ignore[no-untyped-def]
    """The classes of each character."""
    kinds = np.empty(points.size, np.uint8)
    for i in range(points.size):
        kinds[i] = table[points[i]] if points[i] < LIMIT else WORD | ALPHA
    return kinds


@njit(inline="always")
def _is_letter(kind):  # type: ignore[no-untyped-def]
    """Whether a character is of a word, and neither a digit nor an underscore."""
    return kind & WORD and not kind & (DIGIT | UNDERSCORE)


@njit
def _clitic(points, kinds, i):  # type: ignore[no-untyped-def]
    """Where 's, 're, 've, 'll, 'd or 'm that begins at i ends as a word; -1 where there is none."""
    if points[i] != APOSTROPHE and points[i] != QUOTE:
        return -1
    a, b = points[i + 1], points[i + 2]
    if a in (S, D, M) and not kinds[i + 2] & WORD:
        return i + 2
    pair = (a in (R, V) and b == E) or (a == L and b == L)
    if pair and not kinds[i + 3] & WORD:
        return i + 3
    return -1


@njit
def _splits(points, kinds, i):  # type: ignore[no-untyped-def]
    """Whether the mark at i, behind a word's character, ends the word even where more of one follows."""
    mark, before, after = points[i], kinds[i - 1], kinds[i + 1]
    if mark == ELLIPSIS or _clitic(points, kinds, i) >= 0:
        return True
    if mark == DOT:
        return points[i + 1] == DOT or (before & LOWER and after & UPPER) != 0
    letter = _is_letter(after)
    if letter and not before & UNDERSCORE and mark in (DASH, COMMA, EN_DASH, EM_DASH):
        return True
    if letter and mark in (COLON, LESS, MORE, EQUAL, SLASH):
        return True
    sign = mark in (DASH, PLUS, STAR, CARET)
    return (sign and before & DIGIT and after & DIGIT) != 0


@njit
def _plain_end(points, kinds, i, size):  # type: ignore[no-untyped-def]
    """Where the word or mark that begins at i ends by the general rules."""
    if points[i] == DOT and points[i + 1] == DOT:
        while i < size and points[i] == DOT:
            i += 1
        return i
    end = _clitic(points, kinds, i)
    if end >= 0:
        return end
    at = i
    if not kinds[at] & WORD:
        mark = points[at]
        lead = mark in (DASH, AT, DOT, SLASH, BACKSLASH, TILDE) or (mark == PLUS and kinds[at + 1] & DIGIT)
        if not lead or kinds[at - 1] & WORD:
            return i + 1
        at += 1
        if mark == DASH and points[at] == DASH:
            at += 1
        if not kinds[at] & WORD:
            return at if mark == DASH else i + 1
    while True:
        while at < size and kinds[at] & WORD:
            at += 1
        if at >= size or kinds[at] & SPACE or _splits(points, kinds, at):
            return at
        behind = at
        while behind < size and not kinds[behind] & (WORD | SPACE):
            behind += 1
        if behind >= size or not kinds[behind] & WORD:
            return at
        at = behind


@njit
def _begins(points, i, word):  # type: ignore[no-untyped-def]
    """Whether the characters from i on are those of a word."""
    for k in range(word.size):
        if points[i + k] != word[k]:
            return False
    return True


@njit
def _address_end(points, kinds, i, size):  # type: ignore[no-untyped-def]
    """Where the web address that begins at i ends: at the next space, but for marks behind a host without a path."""
    end = i
    while end < size and not kinds[end] & SPACE:
        end += 1
    path = False
    for k in range(i + 8, end):
        path |= points[k] in (SLASH, QUESTION, HASH)
    while not path and not kinds[end - 1] & WORD:
        end -= 1
    return end


@njit
def _not_end(points, kinds, i):  # type: ignore[no-untyped-def]
    """Where an n't that begins at i ends; -1 where there is none."""
    mark = points[i + 1] == APOSTROPHE or points[i + 1] == QUOTE
    return i + 3 if points[i] == N and mark and points[i + 2] == T and not kinds[i + 3] & WORD else -1


@njit
def _takes_stop(points, kinds, i, end):  # type: ignore[no-untyped-def]
    """Whether the stop behind a word belongs to it: one letter (A.), letters with stops (e.g., U.S.), a title (Dr.)."""
    if points[end] != DOT or kinds[end + 1] & WORD or points[end + 1] == DOT or points[i - 1] == DASH:
        return False
    if _is_letter(kinds[end - 1]) and (end - i == 1 or points[end - 2] == DOT):
        return True
    return end - i <= LONGEST_SHORT and (SHORT == hash_of(points, i, end)).any()


@njit
def word_end(points, kinds, i, size):  # type: ignore[no-untyped-def]
    """Where the word or mark that begins at i (no space) ends."""
    at = i
    while kinds[at] & (WORD | UNDERSCORE) == WORD:
        at += 1
    if kinds[at] & SPACE and at > i and at - i != 6 and not kinds[i - 1] & WORD:
        return at  # most words stand between spaces, and no rule below is about those ("cannot" has six letters)
    if points[i] == LINE:
        return i + 1
    new = not kinds[i - 1] & WORD
    if new and (_begins(points, i, HTTP) or _begins(points, i, HTTPS) or _begins(points, i, WWW)):
        return _address_end(points, kinds, i, size)
    end = _not_end(points, kinds, i)
    if end >= 0:
        return end
    end = _plain_end(points, kinds, i, size)
    while end > i + 1 and points[end - 1] == LINE:
        end -= 1
    if new and _takes_stop(points, kinds, i, end):
        return end + 1
    if end - i > 3 and _not_end(points, kinds, end - 3) >= 0:
        return end - 3
    if end - i == 6 and _begins(points, i + 1, ANNOT) and points[i] in (C, UPPER_C):
        return i + 3
    if end - i == 3 and _begins(points, i, AND_OR) and not kinds[i + 6] & WORD:
        return i + 6
    return end


@njit(nogil=True)
def _count(points, table):  # type: ignore[no-untyped-def]
    """How many words and marks a text has."""
    kinds, size, i, count = kinds_of(points, table), points.size - 2, 1, 0
    while i < size:
        if kinds[i] & SPACE:
            i += 1
        else:
            i = word_end(points, kinds, i, size)
            count += 1
    return count


@njit(inline="always")
def stirred(value):  # type: ignore[no-untyped-def]
    """The bits of a 64-bit value, mixed."""
    value = (value ^ (value >> _S32)) * _M1
    return value ^ (value >> _S29)


@njit
def slot_of(keys, used, key):  # type: ignore[no-untyped-def]
    """The place of a key in an open table: its own, or the free one where it belongs."""
    mask = np.uint64(keys.size - 1)
    at = stirred(key) & mask
    while used[at] and keys[at] != key:
        at = (at + np.uint64(1)) & mask
    return at


@njit
def hash_of(points, start, end):  # type: ignore[no-untyped-def]
    """The 64-bit hash of the characters from `start` to `end`."""
    value = _BASIS
    for i in range(start, end):
        value = (value ^ np.uint64(points[i])) * _PRIME
    return stirred(value)


@lru_cache(maxsize=1)
def count_of() -> Callable[..., Any]:
    """The compiled count of a text's words."""
    return kept(_count)


@njit(nogil=True)
def _ends(points, table, ends):  # type: ignore[no-untyped-def]
    """Fill `ends` with the beginnings and ends of the words, alternating; how many numbers those are."""
    kinds, size, i, count = kinds_of(points, table), points.size - 2, 1, 0
    while i < size:
        if kinds[i] & SPACE:
            i += 1
        else:
            ends[count], ends[count + 1] = i, word_end(points, kinds, i, size)
            i = ends[count + 1]
            count += 2
    return count


def words_of(text: str) -> list[str]:
    """The words and marks of a text, in order."""
    ends = np.empty(2 * len(text), np.int64)
    count = _ends(points_of(text), classes(), ends)
    places = (ends[:count] - 1).tolist()
    return [text[start:end] for start, end in zip(places[::2], places[1::2], strict=True)]


@lru_cache(maxsize=64)
def hashes_of(words: tuple[str, ...]) -> npt.NDArray[np.uint64]:
    """The hashes of words."""
    return np.array([_plain_hash(word) for word in words], np.uint64)
