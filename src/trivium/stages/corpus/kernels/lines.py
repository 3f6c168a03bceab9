"""C4's and FineWeb's scores in one compiled pass over a text's lines, of texts in which C4 rewrites nothing.

The rules are those of `quality.c4_scores` and `quality.fineweb_scores`, which also know the rare texts that C4 does
rewrite (citations, cookie notices, javascript). The order of the scores is `quality.C4`, then `quality.FINEWEB`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from trivium.stages.corpus.kernels.words import END, SPACE, hash_of, slot_of

CURLY, RETURN, NEWLINE = (ord(c) for c in "{\r\n")
STOPS = tuple(ord(c) for c in ".!?")
CLOSERS = tuple(ord(c) for c in "\"'”’)]")
TERMINALS = tuple(ord(c) for c in ".'\"!?”’…")
FEWEST_WORDS, LONGEST_WORD, SHORT_LINE = 3, 1000, 30


@njit
def _look(points, kinds, head, tail):  # type: ignore[no-untyped-def]
    """Of a line from `head` to `tail`: words between spaces, the longest one's characters, sentence ends, whether {."""
    words = longest = ends = 0
    curly = False
    i = head
    while i < tail:
        begin = i
        while i < tail and not kinds[i] & SPACE:
            curly = curly or points[i] == CURLY
            if points[i] in STOPS:
                while i < tail and points[i] in STOPS:
                    i += 1
                while i < tail and points[i] in CLOSERS:
                    i += 1
                ends += i < tail and kinds[i] & SPACE != 0
            else:
                i += 1
        words += 1
        longest = max(longest, i - begin)
        while i < tail and kinds[i] & SPACE:
            i += 1
    return words, longest, ends, curly


@njit
def line_scores(points, kinds, starts, out):  # type: ignore[no-untyped-def]
    """Fill `out` with the seven scores. `starts`: where the text's words and marks begin, in order."""
    size, room = points.size - 2, 16
    for i in range(1, size):
        room += (kinds[i] & END != 0) * 2
    table = 16
    while table < room:
        table *= 2
    keys, used = np.empty(table, np.uint64), np.zeros(table, np.uint8)
    lines = sentences = curlies = marked = short = characters = repeated = marks = at = 0
    i = 1
    while i < size:
        head = i
        while i < size and not kinds[i] & END:
            i += 1
        tail = i
        i += 2 if i + 1 < size and points[i] == RETURN and points[i + 1] == NEWLINE else 1
        while head < tail and kinds[head] & SPACE:
            head += 1
        while tail > head and kinds[tail - 1] & SPACE:
            tail -= 1
        words, longest, ends, curly = _look(points, kinds, head, tail)
        if words < FEWEST_WORDS or longest > LONGEST_WORD:
            continue
        lines += 1
        sentences += 1 + ends
        curlies += curly
        marked += points[tail - 1] in TERMINALS
        short += tail - head <= SHORT_LINE
        characters += tail - head
        key = hash_of(points, head, tail)
        slot = slot_of(keys, used, key)
        repeated += (tail - head) if used[slot] else 0
        keys[slot], used[slot] = key, 1
        while at < starts.size and starts[at] < head:
            at += 1
        while at < starts.size and starts[at] < tail:
            at, marks = at + 1, marks + 1
    out[0], out[1], out[2] = sentences, curlies, 0
    if lines:
        out[3], out[4] = marked / lines, short / lines
        out[5], out[6] = repeated / max(characters, 1), (lines - 1) / max(marks, 1)
    else:
        out[3], out[4], out[5], out[6] = 0.0, 1.0, 0.0, 1.0
