"""HTML to a tree in arrays: one pass over the bytes, compiled, linear in their number whatever they hold.

It follows the HTML standard's tree construction where that matters for text: void elements, skipped content (scripts,
styles, drawings), end tags that may be left out, end tags without a start. It does not move misplaced table content
or rebuild misnested formatting. Deeper than DEEPEST, elements no longer nest: their text stays.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from trivium.stages.corpus.extractor import tags
from trivium.stages.corpus.extractor.lex import (
    ASK,
    BANG,
    DASH,
    GT,
    LT,
    SLASH,
    end_of_attributes,
    end_of_comment,
    end_of_skipped,
    hash_between,
    is_letter,
    is_space,
)
from trivium.stages.corpus.extractor.nest import END, LAST, START, closed_by, left_by, number_of
from trivium.stages.corpus.extractor.tags import SKIPPED, TEXT, VOID
from trivium.stages.corpus.kernels import kept

DEEPEST = 400
PADDING = 16
"""Zero bytes behind the page, so that no rule asks where it ends."""
COLUMNS = 6
COUNT, DEPTH, OVERFLOW, BLANK = range(4)
"""What the parser keeps in mind: nodes, open elements, elements open beyond DEEPEST, whether space came last."""


class Tree(NamedTuple):
    """A page's bytes (padded) and its nodes, in document order (columns: `nest.py`); node 0 is the body."""

    page: npt.NDArray[np.uint8]
    nodes: npt.NDArray[np.int32]


def parse(html: bytes) -> Tree:
    """The tree of a page in UTF-8."""
    page = np.frombuffer(html + bytes(PADDING), np.uint8)
    nodes = np.empty((2 * html.count(b"<") + 4, COLUMNS), np.int32)
    return Tree(page, nodes[: _compiled()(page, *tags.tables(), nodes)])


@lru_cache(maxsize=1)
def _compiled() -> Any:
    return kept(parse_into)


@njit
def _add(nodes, mind, tag, parent, start, end, spaced):  # type: ignore[no-untyped-def]
    """A node more."""
    row = nodes[mind[COUNT]]
    mind[COUNT] += 1
    row[0], row[1], row[2], row[3], row[4], row[5] = tag, parent, mind[COUNT], start, end, spaced


@njit
def _shut(nodes, stack, mind, depth):  # type: ignore[no-untyped-def]
    """Close the elements above a depth."""
    while mind[DEPTH] > depth:
        mind[DEPTH] -= 1
        nodes[stack[mind[DEPTH]], LAST] = mind[COUNT]


@njit
def _add_text(page, start, end, nodes, stack, mind):  # type: ignore[no-untyped-def]
    """The text between two tags, if it is more than space."""
    while start < end and is_space(page[start]):
        start, mind[BLANK] = start + 1, 1
    if start < end:
        _add(nodes, mind, TEXT, stack[mind[DEPTH] - 1], start, end, mind[BLANK])
        mind[BLANK] = is_space(page[end - 1])


@njit
def _close(name, tag, flags, nodes, stack, names, mind):  # type: ignore[no-untyped-def]
    """An end tag."""
    if mind[OVERFLOW] and not flags[tag] & VOID:
        mind[OVERFLOW] -= 1
    else:
        _shut(nodes, stack, mind, left_by(name, tag, flags, names, nodes, stack, mind[DEPTH]))


@njit
def _open(name, tag, start, end, flags, nodes, stack, names, mind):  # type: ignore[no-untyped-def]
    """A start tag of an element that is not skipped."""
    if tag == tags.BODY:
        if nodes[0, END] == 0:
            nodes[0, START], nodes[0, END] = start, end
        return
    void = flags[tag] & VOID
    if tag == tags.HTML or tag == tags.HEAD or (void and tag != tags.BR and tag != tags.HR):
        return
    _shut(nodes, stack, mind, closed_by(tag, flags, nodes, stack, mind[DEPTH]))
    if mind[DEPTH] > DEEPEST:
        mind[OVERFLOW] += 0 if void else 1
        return
    if not void:
        stack[mind[DEPTH]], names[mind[DEPTH]] = mind[COUNT], name
    _add(nodes, mind, tag, stack[mind[DEPTH] - 1], start, end, 0)
    mind[DEPTH] += 0 if void else 1


@njit
def parse_into(page, keys, numbers, flags, nodes):  # type: ignore[no-untyped-def]
    """Fill `nodes`; what comes back is their count."""
    size = page.size - PADDING
    stack, names = np.empty(DEEPEST + 2, np.int32), np.zeros(DEEPEST + 2, np.uint64)
    mind = np.zeros(4, np.int64)
    never = np.zeros(len(tags.NAMES), np.bool_)  # skipped elements that end nowhere: looked for once
    _add(nodes, mind, tags.BODY, -1, 0, 0, 0)
    stack[0], mind[DEPTH] = 0, 1
    i = text = 0
    while i <= size:
        while i < size and page[i] != LT:
            i += 1
        after = page[i + 1]
        closing = after == SLASH and is_letter(page[i + 2])
        opening = is_letter(after)
        if i < size and not closing and not opening and after != BANG and after != ASK and after != SLASH:
            i += 1
            continue
        _add_text(page, text, i, nodes, stack, mind)
        if i >= size:
            break
        if not opening and not closing:
            text = i = end_of_comment(page, i, size)
            continue
        start = end = i + 2 if closing else i + 1
        hyphen = False
        while end < size and not is_space(page[end]) and page[end] != GT and page[end] != SLASH:
            hyphen = hyphen or page[end] == DASH
            end += 1
        name = hash_between(page, start, end)
        tag = number_of(name, hyphen, keys, numbers)
        close = end_of_attributes(page, end, size)
        text = i = close + 1
        if close >= size:
            break
        if closing and tag != tags.BR:
            _close(name, tag, flags, nodes, stack, names, mind)
        elif not flags[tag] & SKIPPED:
            _open(name, tag, end, close, flags, nodes, stack, names, mind)
        elif not never[tag]:
            found = end_of_skipped(page, i, name, size)
            never[tag] = found < 0
            text = i = found if found >= 0 else i
    _shut(nodes, stack, mind, 0)
    return mind[COUNT]
