"""Kept runs as text, Markdown-like: headings with #, list items with - or their number, table rows with |, code fenced.

Entities are decoded and space is one blank, except in preformatted runs. Paragraphs are apart by an empty line.
"""

from __future__ import annotations

from functools import lru_cache
from html.entities import html5
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from trivium.stages.corpus.extractor import tags
from trivium.stages.corpus.extractor.boxes import BYTES, FINAL, FIRST, MARKS, NODE, PREFORMATTED, UP, WORDS, Boxes
from trivium.stages.corpus.extractor.lex import is_letter, is_space
from trivium.stages.corpus.extractor.nest import END, PARENT, SPACED, START, TAG
from trivium.stages.corpus.extractor.parse import Tree
from trivium.stages.corpus.kernels import kept

SLOTS = 8192
"""Of the table of entities; a power of two."""
LONG_CELL = 40
"""Words from which a cell of a table is a paragraph, not part of a row."""
DEEPEST_LIST = 6
"""Lists inside lists that are indented."""
FENCE = tuple(b"```")
_AMPERSAND, _SEMICOLON, _HASH, _X, _NEWLINE, _SPACE, _DASH, _DOT, _BAR = (ord(c) for c in "&;#x\n -.|")
_SOURCE, _EDIT, _PILCROW = tuple(b"[source]"), tuple(b"[edit]"), tuple("¶".encode())
_REPLACEMENT = 0xFFFD
_STRAY = {code: ord(bytes([code]).decode("cp1252", "replace")) for code in range(0x80, 0xA0)}
"""Numbers that stand for Windows' characters, as browsers read them."""
_WINDOWS = np.array([_STRAY[code] for code in range(0x80, 0xA0)], np.int32)


@lru_cache(maxsize=1)
def entities() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    """Hashes of entities' names (letters as written) by slot, and their one or two characters; third: ; is needed."""
    keys, points = np.zeros(SLOTS, np.uint64), np.zeros((SLOTS, 3), np.int32)
    for name, text in html5.items():
        if not name.endswith(";"):
            continue
        bare = name[:-1]
        value = _exact_hash(bare.encode())
        slot = value % SLOTS
        while keys[slot]:
            slot = (slot + 1) % SLOTS
        keys[slot] = value
        codes = [ord(char) for char in text]
        points[slot] = (codes[0], codes[1] if len(codes) > 1 else 0, bare not in html5)
    return keys, points


def _exact_hash(word: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in word:
        value = ((value ^ byte) * 0x100000001B3) & (2**64 - 1)
    return value


def text_of(tree: Tree, boxes: Boxes, keep: npt.NDArray[np.bool_], fences: bool) -> str:
    """The text of the boxes that are kept (runs; `keep` by box). `fences`: put ``` around preformatted runs."""
    kept_boxes = boxes.boxes[keep]
    size = 3 * int(kept_boxes[:, BYTES].sum()) + 64 * len(kept_boxes) + 64
    if (kept_boxes[:, MARKS] & PREFORMATTED).any():
        size += len(tree.page)  # the space before preformatted text is written, and is in no count
    out = np.empty(size, np.uint8)
    end = _compiled()(tree.page, tree.nodes, boxes.boxes, boxes.run_of, boxes.breaks, keep, fences, *entities(), out)
    return out[:end].tobytes().decode("utf-8", "replace")


@lru_cache(maxsize=1)
def _compiled() -> Any:
    return kept(text_into)


@njit
def _put(code, out, size):  # type: ignore[no-untyped-def]
    """Add a character in UTF-8."""
    if code < 0x80:
        out[size] = code
        return size + 1
    if code < 0x800:
        out[size] = 0xC0 | code >> 6
        out[size + 1] = 0x80 | code & 0x3F
        return size + 2
    if code < 0x10000:
        out[size] = 0xE0 | code >> 12
        out[size + 1] = 0x80 | code >> 6 & 0x3F
        out[size + 2] = 0x80 | code & 0x3F
        return size + 3
    out[size] = 0xF0 | code >> 18
    out[size + 1] = 0x80 | code >> 12 & 0x3F
    out[size + 2] = 0x80 | code >> 6 & 0x3F
    out[size + 3] = 0x80 | code & 0x3F
    return size + 4


@njit
def _numeric(page, i, end):  # type: ignore[no-untyped-def]
    """The character of &#...; at i and where it ends; 0 where it is none."""
    hexadecimal = page[i + 2] | 32 == _X
    j, code, digits = i + (3 if hexadecimal else 2), 0, 0
    while j < end and digits < 9:
        byte = page[j]
        if 48 <= byte <= 57:
            code = code * (16 if hexadecimal else 10) + byte - 48
        elif hexadecimal and 97 <= byte | 32 <= 102:
            code = code * 16 + (byte | 32) - 87
        else:
            break
        digits += 1
        j += 1
    if digits == 0:
        return 0, i
    if j < end and page[j] == _SEMICOLON:
        j += 1
    if 0x80 <= code < 0xA0:
        code = _WINDOWS[code - 0x80]
    if code == 0 or code > 0x10FFFF or 0xD800 <= code < 0xE000:
        code = _REPLACEMENT
    return code, j


@njit
def _named(page, i, end, keys, points):  # type: ignore[no-untyped-def]
    """The slot of the entity at i and where it ends; -1 where it is none."""
    j = i + 1
    value = np.uint64(0xCBF29CE484222325)
    while j < end and j - i < 33 and (is_letter(page[j]) or 48 <= page[j] <= 57):
        value = (value ^ np.uint64(page[j])) * np.uint64(0x100000001B3)
        j += 1
    closed = j < end and page[j] == _SEMICOLON
    slot = value & np.uint64(SLOTS - 1)
    while keys[slot] != 0:
        if keys[slot] == value:
            if closed or not points[slot, 2]:
                return np.int64(slot), j + (1 if closed else 0)
            break
        slot = (slot + np.uint64(1)) & np.uint64(SLOTS - 1)
    return np.int64(-1), i


@njit
def _text(page, start, end, verbatim, pending, keys, points, out, size):  # type: ignore[no-untyped-def]
    """Add a text node; `pending`: a blank is due before its next character. What comes back: the size, and whether."""
    i = start
    while i < end:
        byte = page[i]
        if byte == _AMPERSAND:
            slot = np.int64(-1)
            if page[i + 1] == _HASH:
                code, after = _numeric(page, i, end)
                second = 0
            else:
                slot, after = _named(page, i, end, keys, points)
                code, second = (points[slot, 0], points[slot, 1]) if slot >= 0 else (0, 0)
            if code > 0:
                i = after
                if code == 0xA0 or code == 32 or 9 <= code <= 13:
                    pending = True
                    continue
                if pending:
                    out[size] = _SPACE
                    size, pending = size + 1, False
                size = _put(code, out, size)
                if second:
                    size = _put(second, out, size)
                continue
        if is_space(byte) and not verbatim:
            pending = True
        elif byte != 13:
            if pending:
                out[size] = _SPACE
                size, pending = size + 1, False
            out[size] = byte
            size += 1
        i += 1
    return size, pending


@njit
def _same(page, start, end, word):  # type: ignore[no-untyped-def]
    if end - start != len(word):
        return False
    for k in range(len(word)):
        if page[start + k] != word[k]:
            return False
    return True


@njit
def _inside(nodes, boxes, i, wanted, other):  # type: ignore[no-untyped-def]
    """The nearest box around i of one of two elements; -1 where there is none."""
    box = boxes[i, UP]
    while box > 0:
        tag = nodes[boxes[box, NODE], TAG]
        if tag == wanted or tag == other:
            return box
        box = boxes[box, UP]
    return -1


@njit
def _item_numbers(nodes):  # type: ignore[no-untyped-def]
    """By node: the number of an item of an ordered list; 0 of all else. In one pass, however long a list is."""
    numbers, items = np.zeros(nodes.shape[0], np.int32), np.zeros(nodes.shape[0], np.int32)
    for node in range(1, nodes.shape[0]):
        parent = nodes[node, PARENT]
        if nodes[node, TAG] == tags.LI and nodes[parent, TAG] == tags.OL:
            items[parent] += 1
            numbers[node] = items[parent]
    return numbers


@njit
def _newlines(out, size, wanted):  # type: ignore[no-untyped-def]
    """See to it that the text ends in so many line ends, if it has begun."""
    have = 0
    while have < size and have < wanted and out[size - 1 - have] == _NEWLINE:
        have += 1
    if size:
        for _ in range(have, wanted):
            out[size] = _NEWLINE
            size += 1
    return size


@njit
def _lead(nodes, boxes, numbers, i, before, item_before, out, size):  # type: ignore[no-untyped-def]
    """What stands before a run: line ends, and the mark of a heading, a list item or a table's cell."""
    up = boxes[i, UP]
    tag = nodes[boxes[up, NODE], TAG]
    cell, item = _inside(nodes, boxes, i, tags.TD, tags.TH), _inside(nodes, boxes, i, tags.LI, tags.LI)
    if cell >= 0 and before >= 0 and boxes[i, WORDS] < LONG_CELL and boxes[before, WORDS] < LONG_CELL:
        last = _inside(nodes, boxes, before, tags.TD, tags.TH)
        if last >= 0 and boxes[last, UP] == boxes[cell, UP] and last != cell:
            for byte in (_SPACE, _BAR, _SPACE):
                out[size] = byte
                size += 1
            return size
        if last >= 0 and last != cell and boxes[boxes[last, UP], UP] == boxes[boxes[cell, UP], UP]:
            return _newlines(out, size, 1)
    if tags.H1 <= tag <= tags.H6:
        if before >= 0 and boxes[before, UP] == up:
            return _newlines(out, size, 1)
        size = _newlines(out, size, 2)
        for _ in range(tag - tags.H1 + 1):
            out[size] = _HASH
            size += 1
        out[size] = _SPACE
        return size + 1
    if item >= 0 and item != item_before:
        last = _inside(nodes, boxes, before, tags.LI, tags.LI) if before >= 0 else -1
        size = _newlines(out, size, 1 if last >= 0 else 2)
        depth, box = 0, boxes[item, UP]
        while box > 0:
            depth += nodes[boxes[box, NODE], TAG] == tags.LI
            box = boxes[box, UP]
        for _ in range(2 * min(depth, DEEPEST_LIST)):
            out[size] = _SPACE
            size += 1
        number = numbers[boxes[item, NODE]]
        if number:
            size = _digits(number, out, size)
            out[size] = _DOT
        else:
            out[size] = _DASH
        out[size + 1] = _SPACE
        return size + 2
    near = tag == tags.DD and before >= 0 and nodes[boxes[boxes[before, UP], NODE], TAG] == tags.DT
    return _newlines(out, size, 1 if near or (item >= 0 and item == item_before) else 2)


@njit
def _digits(number, out, size):  # type: ignore[no-untyped-def]
    divisor = 1
    while number // divisor >= 10:
        divisor *= 10
    while divisor:
        out[size] = 48 + number // divisor % 10
        size, divisor = size + 1, divisor // 10
    return size


@njit
def _run(page, nodes, boxes, run_of, breaks, i, keys, points, out, size):  # type: ignore[no-untyped-def]
    """Add a run's text nodes. Links to a heading's own place and to a source are left out."""
    verbatim = boxes[i, MARKS] & PREFORMATTED != 0
    pending, begun = False, size
    for node in range(boxes[i, FIRST], boxes[i, FINAL] + 1):
        if run_of[node] != i:
            continue
        start, end = nodes[node, START], nodes[node, END]
        while end > start and is_space(page[end - 1]) and not verbatim:
            end -= 1
        if _same(page, start, end, _PILCROW) or _same(page, start, end, _SOURCE) or _same(page, start, end, _EDIT):
            continue
        if verbatim:
            while start > 0 and is_space(page[start - 1]) and page[start - 1] != 62:
                start -= 1
        if breaks[node] and size > begun:
            size, pending = _newlines(out, size, 1), False
        elif nodes[node, SPACED] and size > begun and not verbatim:
            pending = True
        size, pending = _text(page, start, end, verbatim, pending, keys, points, out, size)
    return size


@njit
def text_into(page, nodes, boxes, run_of, breaks, keep, fences, keys, points, out):  # type: ignore[no-untyped-def]
    """Fill `out`; what comes back is its length."""
    size, before, item_before = 0, -1, -1
    numbers = _item_numbers(nodes)
    for i in range(1, boxes.shape[0]):
        if not keep[i]:
            continue
        fenced = fences and boxes[i, MARKS] & PREFORMATTED
        start = size
        size = _lead(nodes, boxes, numbers, i, before, item_before, out, size)
        if fenced:
            for byte in FENCE:
                out[size] = byte
                size += 1
            out[size] = _NEWLINE
            size += 1
        begun = size
        size = _run(page, nodes, boxes, run_of, breaks, i, keys, points, out, size)
        if size == begun:
            size = start
            continue
        if fenced:
            size = _newlines(out, size, 1)
            for byte in FENCE:
                out[size] = byte
                size += 1
        before, item_before = i, _inside(nodes, boxes, i, tags.LI, tags.LI)
    return size
