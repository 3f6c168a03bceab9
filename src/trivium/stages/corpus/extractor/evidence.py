"""The first look: what speaks for or against each run of text, taken alone and by the boxes around it.

Features are sparse: a family and a value, which is a word (of a class, of the text) or a few numbers packed into one
(logarithmic where they count). Each has a weight, a log-odds learned by logistic regression; a run's evidence is the
sum of its own weights and of those of all boxes that it is in, so that "comments" speaks against everything inside.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from trivium.stages.corpus.extractor import tags
from trivium.stages.corpus.extractor.boxes import (
    BEHIND,
    BYTES,
    COMMAS,
    DIGITS,
    FIRST,
    LINKED,
    LONG,
    MARKS,
    NODE,
    UP,
    WORDS,
    Boxes,
)
from trivium.stages.corpus.extractor.lex import APOSTROPHE, EQUAL, QUOTE, hash_between, is_letter, is_space
from trivium.stages.corpus.extractor.nest import END, PARENT, START, TAG
from trivium.stages.corpus.extractor.parse import Tree
from trivium.stages.corpus.extractor.tags import BLOCK
from trivium.stages.corpus.kernels import kept

TAGS, COUNTS, SHARES, LINKS = 128, 14, 8, 6
FAMILIES: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = (
    ("class", ()),
    ("role", ()),
    ("span class", ()),
    ("word", ()),
    ("first word", ()),
    ("element", (("tag", TAGS), ("words", COUNTS), ("links", LINKS))),
    ("element of page", (("share", SHARES), ("links", LINKS), ("long", SHARES))),
    ("element of parent", (("tag", TAGS), ("share", SHARES))),
    ("element's commas", (("commas", COUNTS), ("words", COUNTS))),
    ("element's depth", (("depth", 16), ("hidden", 2))),
    ("run", (("tag", TAGS), ("words", COUNTS), ("links", LINKS))),
    ("run inside", (("tag", TAGS), ("outer", TAGS))),
    ("run's marks", (("marks", 16), ("words", COUNTS))),
    ("run after", (("words", COUNTS), ("before", COUNTS), ("links", LINKS))),
    ("run before", (("words", COUNTS), ("after", COUNTS), ("links", LINKS))),
    ("run's place", (("place", 16), ("words", COUNTS))),
    ("run and title", (("title", 4), ("words", COUNTS), ("links", LINKS))),
    ("run's commas", (("commas", COUNTS), ("words", COUNTS))),
    ("run's digits", (("digits", SHARES), ("words", COUNTS))),
    ("run in box", (("long", SHARES), ("links", LINKS), ("words", COUNTS))),
    ("run in page", (("page", COUNTS), ("words", COUNTS))),
    ("outer class", ()),
    ("span", (("tag", TAGS),)),
    ("tag", (("tag", TAGS),)),
)
"""Name of each family, and the names and sizes of its numbers (none: a word)."""
(
    CLASS, ROLE, SPAN, IN_RUN, OPENING, ELEMENT, OF_PAGE, OF_PARENT, ELEMENT_COMMAS, DEPTH, RUN, INSIDE, RUN_MARKS,
    AFTER, BEFORE, PLACE, TITLE, RUN_COMMAS, RUN_DIGITS, IN_BOX, IN_PAGE, OUTER, SPAN_TAG, ELEMENT_TAG,
) = map(np.int64, range(len(FAMILIES)))  # fmt: skip
NO_FAMILY = np.int64(-1)
MOST = 64
"""Features of a box, at most: of words, so many are looked at."""
MOST_NAMES, MOST_WORDS, MOST_ROLES, MOST_FIRST = (np.int64(most) for most in (10, 10, 4, 2))
"""Words of an element's names, of a short run, of roles, of a long run's beginning that are looked at. Typed, like the
families: of a plain number the compiler makes a constant, and each function once for each constant, in minutes.
"""
LONGEST_NAME, STEM = 30, 5
MOST_ATTRIBUTES = 4000
"""Bytes of a tag that are looked at: each run asks its element anew."""
_MIX, _STEP = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_SHIFT = np.uint64(32)
CLASS_NAME, ID_NAME, ROLE_NAME, ITEM_NAME, HIDDEN_NAME, ARIA_NAME, STYLE_NAME = (
    np.uint64(tags.hash_of(name))
    for name in (b"class", b"id", b"role", b"itemprop", b"hidden", b"aria-hidden", b"style")
)
_NONE = tuple(b"none")


class Features(NamedTuple):
    """Keys of all boxes in a row; those of box i are keys[starts[i]:starts[i + 1]].

    `names` says what each key stands for: its family and a word's first and last byte, or a number and -1.
    """

    keys: npt.NDArray[np.uint64]
    names: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]


def features_of(tree: Tree, boxes: Boxes) -> Features:
    """The features of each box of a page."""
    count = len(boxes.boxes)
    keys, names = np.empty(count * MOST, np.uint64), np.empty((count * MOST, 3), np.int32)
    starts = np.zeros(count + 1, np.int64)
    size = _compiled()(tree.page, tree.nodes, tags.tables()[2], boxes.boxes, keys, names, starts)
    return Features(keys[:size], names[:size], starts)


@lru_cache(maxsize=1)
def _compiled() -> Any:
    return kept(features_into)


def key_of(family: int, value: int) -> int:
    """The key of a feature, as the kernel makes it."""
    most = 2**64 - 1
    mixed = (value * int(_STEP) + (family + 1) * int(_MIX)) & most
    return ((mixed ^ (mixed >> 32)) * int(_MIX)) & most


@njit
def _key(family, value):  # type: ignore[no-untyped-def]
    mixed = np.uint64(value) * _STEP + np.uint64(family + 1) * _MIX
    return (mixed ^ (mixed >> _SHIFT)) * _MIX


@njit
def _number(family, value, keys, names, size):  # type: ignore[no-untyped-def]
    """Add a feature of a number; what comes back is the new size."""
    keys[size] = _key(family, value)
    names[size, 0], names[size, 1], names[size, 2] = family, value, -1
    return size + 1


@njit
def _word(page, family, start, end, keys, names, size):  # type: ignore[no-untyped-def]
    """Add a feature of a word; what comes back is the new size."""
    keys[size] = _key(family, hash_between(page, start, end))
    names[size, 0], names[size, 1], names[size, 2] = family, start, end
    return size + 1


@njit
def count_of(number):  # type: ignore[no-untyped-def]
    """A count's step on a logarithmic scale: 0, 1, 2, 3-4, 5-8 and so on, up to COUNTS - 1."""
    step = 0
    while number > 0 and step < COUNTS - 1:
        step += 1
        number = (number - 1) // 2 if step > 1 else number - 1
    return step


@njit
def share_of(part, whole):  # type: ignore[no-untyped-def]
    """A share's step: nothing, up to 5, 15, 35, 65, 85, 99 %, all."""
    if part <= 0 or whole <= 0:
        return 0
    share = part / whole
    return 1 + (share > 0.05) + (share > 0.15) + (share > 0.35) + (share > 0.65) + (share > 0.85) + (share >= 0.99)


@njit
def links_of(box):  # type: ignore[no-untyped-def]
    """The step of a box's share of words in links: none, up to 10, 30, 50, 80 %, more."""
    if box[LINKED] == 0:
        return 0
    share = box[LINKED] / box[WORDS]
    return 1 + (share > 0.1) + (share > 0.3) + (share > 0.5) + (share > 0.8)


@njit
def _words(page, start, end, family, most, keys, names, size):  # type: ignore[no-untyped-def]
    """Add up to `most` words between two places; a word ends at a mark, and at a capital behind a small letter.

    Of a long name of an element's class its beginning and end count too: "commentlist" is of comments, and a list.
    """
    i = start
    while i < end and most > 0:
        first = i
        while i < end and (is_letter(page[i]) or page[i] >= 128 or (48 <= page[i] <= 57 and i > first)):
            if i > first and 65 <= page[i] <= 90 and 97 <= page[i - 1] <= 122:
                break
            i += 1
        if i == first:
            i += 1
        elif 2 <= i - first <= LONGEST_NAME:
            size = _word(page, family, first, i, keys, names, size)
            most -= 1
            if family == CLASS and i - first > STEM:
                size = _word(page, family, first, first + STEM, keys, names, size)
                size = _word(page, family, i - STEM, i, keys, names, size)
    return size


@njit
def _attributes(page, start, end, family, roles, keys, names, size):  # type: ignore[no-untyped-def]
    """Add the words of class and id, of role and itemprop (roles < 0: not), and whether the element is hidden."""
    i, hidden, left, roles_left = np.int64(start), 0, MOST_NAMES, MOST_ROLES
    end = min(end, start + MOST_ATTRIBUTES)
    while i < end:
        while i < end and (is_space(page[i]) or page[i] == 47):
            i += 1
        first = i
        while i < end and not is_space(page[i]) and page[i] != EQUAL:
            i += 1
        name = hash_between(page, first, i)
        if i == first:
            i += 1
        while i < end and is_space(page[i]):
            i += 1
        begin = stop = i
        if page[i] == EQUAL:
            i += 1
            while i < end and is_space(page[i]):
                i += 1
            quote = page[i]
            if quote == QUOTE or quote == APOSTROPHE:
                i += 1
                begin = i
                while i < end and page[i] != quote:
                    i += 1
                stop = i
                i += 1
            else:
                begin = i
                while i < end and not is_space(page[i]):
                    i += 1
                stop = i
        if name == CLASS_NAME or name == ID_NAME:
            before = size
            size = _words(page, begin, stop, family, left, keys, names, size)
            left -= size - before
        elif roles >= 0 and (name == ROLE_NAME or name == ITEM_NAME):
            before = size
            size = _words(page, begin, stop, roles, roles_left, keys, names, size)
            roles_left -= size - before
        elif name == HIDDEN_NAME or (name == ARIA_NAME and page[begin] == 116):
            hidden = 1
        elif name == STYLE_NAME:
            for j in range(begin, stop - 3):
                if (
                    page[j] == _NONE[0]
                    and page[j + 1] == _NONE[1]
                    and page[j + 2] == _NONE[2]
                    and page[j + 3] == _NONE[3]
                ):
                    hidden = 1
    return size, hidden


@njit
def _element(page, nodes, boxes, i, depth, keys, names, size):  # type: ignore[no-untyped-def]
    box, up, body = boxes[i], boxes[boxes[i, UP]], boxes[0]
    tag, words, links = nodes[box[NODE], TAG], count_of(box[WORDS]), links_of(box)
    size, hidden = _attributes(page, nodes[box[NODE], START], nodes[box[NODE], END], CLASS, ROLE, keys, names, size)
    size = _number(ELEMENT_TAG, tag, keys, names, size)
    size = _number(ELEMENT, (tag * COUNTS + words) * LINKS + links, keys, names, size)
    share, long = share_of(box[BYTES], body[BYTES]), share_of(box[LONG], box[WORDS])
    size = _number(OF_PAGE, (min(share, 7) * LINKS + links) * SHARES + min(long, 7), keys, names, size)
    size = _number(OF_PARENT, tag * SHARES + min(share_of(box[BYTES], up[BYTES]), 7), keys, names, size)
    size = _number(ELEMENT_COMMAS, count_of(box[COMMAS]) * COUNTS + words, keys, names, size)
    size = _number(DEPTH, min(depth, 15) * 2 + hidden, keys, names, size)
    return size


@njit
def _run(page, nodes, flags, boxes, i, before, after, place, title, keys, names, size):  # type: ignore[no-untyped-def]
    box, up = boxes[i], boxes[boxes[i, UP]]
    outer = boxes[up[UP]]
    words, links = count_of(box[WORDS]), links_of(box)
    tag, over = nodes[up[NODE], TAG], nodes[outer[NODE], TAG]
    node = nodes[box[FIRST], PARENT]
    for _ in range(2):
        if flags[nodes[node, TAG]] & BLOCK or node == 0:
            break
        size, _hidden = _attributes(page, nodes[node, START], nodes[node, END], SPAN, NO_FAMILY, keys, names, size)
        size = _number(SPAN_TAG, nodes[node, TAG], keys, names, size)
        node = nodes[node, PARENT]
    size, _hidden = _attributes(page, nodes[up[NODE], START], nodes[up[NODE], END], OUTER, NO_FAMILY, keys, names, size)
    start, end = np.int64(nodes[box[FIRST], START]), np.int64(nodes[box[FIRST], END])
    if box[WORDS] <= MOST_WORDS:
        size = _words(page, start, end, IN_RUN, MOST_WORDS, keys, names, size)
    else:
        size = _words(page, start, end, OPENING, MOST_FIRST, keys, names, size)
    size = _number(RUN, (tag * COUNTS + words) * LINKS + links, keys, names, size)
    size = _number(INSIDE, tag * TAGS + over, keys, names, size)
    size = _number(RUN_MARKS, box[MARKS] * COUNTS + words, keys, names, size)
    neighbour = boxes[before]
    size = _number(
        AFTER,
        (words * COUNTS + count_of(neighbour[WORDS] if before else 0)) * LINKS + links_of(neighbour),
        keys,
        names,
        size,
    )
    neighbour = boxes[after]
    size = _number(
        BEFORE,
        (words * COUNTS + count_of(neighbour[WORDS] if after else 0)) * LINKS + links_of(neighbour),
        keys,
        names,
        size,
    )
    size = _number(PLACE, place * COUNTS + words, keys, names, size)
    size = _number(TITLE, (title * COUNTS + words) * LINKS + links, keys, names, size)
    size = _number(RUN_COMMAS, count_of(box[COMMAS]) * COUNTS + words, keys, names, size)
    size = _number(RUN_DIGITS, min(share_of(box[DIGITS], box[WORDS]), 7) * COUNTS + words, keys, names, size)
    long = min(share_of(outer[LONG], outer[WORDS]), 7)
    size = _number(IN_BOX, (long * LINKS + links_of(outer)) * COUNTS + words, keys, names, size)
    size = _number(IN_PAGE, count_of(boxes[0, WORDS] // 8) * COUNTS + words, keys, names, size)
    return size


@njit
def features_into(page, nodes, flags, boxes, keys, names, starts):  # type: ignore[no-untyped-def]
    """Fill the last three; what comes back is the number of keys."""
    count = boxes.shape[0]
    following, depths = np.zeros(count + 1, np.int32), np.zeros(count, np.int32)
    titles = run = 0
    for i in range(count - 1, 0, -1):
        following[i] = run
        if boxes[i, NODE] < 0:
            run = i
        else:
            titles += nodes[boxes[i, NODE], TAG] == tags.H1
    size = run = seen = 0
    title_end, title = 0, 1 if titles else 0
    for i in range(count):
        starts[i] = size
        depths[i] = depths[boxes[i, UP]] + 1 if i else 0
        if boxes[i, NODE] >= 0:
            if nodes[boxes[i, NODE], TAG] == tags.H1:
                title, title_end = 2, boxes[i, BEHIND]
            size = _element(page, nodes, boxes, i, depths[i], keys, names, size)
        else:
            if title == 2 and i >= title_end:
                title = 3
            place = min(16 * seen // max(boxes[0, BYTES], 1), 15)
            size = _run(page, nodes, flags, boxes, i, run, following[i], place, title, keys, names, size)
            seen += boxes[i, BYTES]
            run = i
    starts[count] = size
    return size


@njit
def evidence_into(boxes, keys, starts, known, weights, evidence, around):  # type: ignore[no-untyped-def]
    """Fill each box's evidence (of an element: its own weights) and the sum of the weights of the boxes it is in."""
    slots = np.uint64(known.size - 1)
    for i in range(boxes.shape[0]):
        total = 0.0
        for j in range(starts[i], starts[i + 1]):
            slot = keys[j] & slots
            while known[slot] != 0:
                if known[slot] == keys[j]:
                    total += weights[slot]
                    break
                slot = (slot + np.uint64(1)) & slots
        up = around[boxes[i, UP]] if i else 0.0
        if boxes[i, NODE] >= 0:
            evidence[i], around[i] = total, up + total
        else:
            evidence[i], around[i] = up + total, up
