"""From a page's tree to its boxes: the elements that begin new lines and hold text, and the runs of text in them.

A box with a node is such an element. One without is a run of text that no line break by an element interrupts; it is
what is kept or dropped. Boxes are in document order, and a box's descendants follow it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from trivium.stages.corpus.extractor import tags
from trivium.stages.corpus.extractor.lex import is_letter, is_space
from trivium.stages.corpus.extractor.nest import END, LAST, START, TAG
from trivium.stages.corpus.extractor.parse import DEEPEST, Tree
from trivium.stages.corpus.extractor.tags import BLOCK, TEXT
from trivium.stages.corpus.kernels import kept

NODE, UP, BEHIND, FIRST, FINAL, WORDS, LINKED, COMMAS, DIGITS, MARKS, LONG, RUNS, BYTES = range(13)
"""Columns: the element's node (-1: a run), the parent box, the box behind the last descendant, the first and last text
node of a run; then counts, of an element over all runs inside: words, words in links, commas, words of digits, marks
(see ENDS to SYMBOL; of an element 0), words in runs of LONG_RUN or more, runs, and bytes of text."""
COLUMNS = 13
LONG_RUN = 16
ENDS, CAPITAL, SYMBOL, PREFORMATTED = 1, 2, 4, 8
"""Marks of a run: it ends as a sentence does, begins with a capital, holds one of ©|»›→, is preformatted."""
_FULL_STOP, _COMMA, _BAR, _AMPERSAND, _SEMICOLON = (ord(c) for c in ".,|&;")
_EXCLAMATION, _ASK, _QUOTE, _COLON, _BRACKET = (ord(c) for c in '!?":)')


class Boxes(NamedTuple):
    """A page's boxes; box 0 is the body. `run_of` has each text node's box, `breaks` the line breaks before it."""

    boxes: npt.NDArray[np.int32]
    run_of: npt.NDArray[np.int32]
    breaks: npt.NDArray[np.int8]


def boxes_of(tree: Tree) -> Boxes:
    """The boxes of a page."""
    size = len(tree.nodes)
    boxes = np.zeros((2 * size + 1, COLUMNS), np.int32)
    run_of, breaks = np.full(size, -1, np.int32), np.zeros(size, np.int8)
    count = _compiled()(tree.page, tree.nodes, tags.tables()[2], boxes, run_of, breaks)
    return Boxes(boxes[:count], run_of, breaks)


@lru_cache(maxsize=1)
def _compiled() -> Any:
    return kept(boxes_into)


@njit
def _count(page, start, end, linked, box):  # type: ignore[no-untyped-def]
    """Add a text node's counts to its run's."""
    i = start
    words = digits = commas = wide = 0
    while i < end:
        while i < end and is_space(page[i]):
            i += 1
        first, letters = i, False
        while i < end and not is_space(page[i]):
            byte = page[i]
            letters = letters or is_letter(byte) or byte >= 128 or 48 <= byte <= 57
            if byte == _COMMA:
                commas += 1
            elif 0xE3 <= byte <= 0xE9:
                wide += 1
            elif byte == _BAR:
                box[MARKS] |= SYMBOL
            elif byte == 0xC2 and (page[i + 1] == 0xA9 or page[i + 1] == 0xBB):
                box[MARKS] |= SYMBOL
            elif byte == 0xE2 and ((page[i + 1] == 0x80 and page[i + 2] == 0xBA) or page[i + 1] == 0x86):
                box[MARKS] |= SYMBOL
            elif byte == 0xE3 and page[i + 1] == 0x80 and page[i + 2] <= 0x82:
                commas += 1
            i += 1
        if letters:
            words += 1
            digits += 48 <= page[first] <= 57
    words += wide // 2
    if not box[WORDS] and 65 <= page[start] <= 90:
        box[MARKS] |= CAPITAL
    last = end - 1
    while last > start and (is_space(page[last]) or page[last] == _QUOTE or page[last] == _BRACKET):
        last -= 1
    byte, two, three = page[last], page[max(last - 1, start)], page[max(last - 2, start)]
    stop = byte == _FULL_STOP or byte == _EXCLAMATION or byte == _ASK or byte == _COLON
    typographic = three == 0xE2 and two == 0x80 and (byte == 0x9D or byte == 0x9C or byte == 0xA6)
    if stop or typographic or (three == 0xE3 and two == 0x80 and byte == 0x82):
        box[MARKS] |= ENDS
    elif words:
        box[MARKS] &= ~ENDS
    box[WORDS] += words
    box[COMMAS] += commas
    box[DIGITS] += digits
    box[BYTES] += end - start
    if linked:
        box[LINKED] += words


@njit
def _sum_up(boxes, count):  # type: ignore[no-untyped-def]
    """Where each box's descendants end, and each element's counts from its runs'."""
    for i in range(count):
        boxes[i, BEHIND] = i + 1
        if boxes[i, NODE] < 0:
            boxes[i, RUNS] = 1
            boxes[i, LONG] = boxes[i, WORDS] if boxes[i, WORDS] >= LONG_RUN else 0
    for i in range(count - 1, 0, -1):
        up = boxes[i, UP]
        boxes[up, BEHIND] = max(boxes[up, BEHIND], boxes[i, BEHIND])
        for column in (WORDS, LINKED, COMMAS, DIGITS, LONG, RUNS, BYTES):
            boxes[up, column] += boxes[i, column]


@njit
def boxes_into(page, nodes, flags, boxes, run_of, breaks):  # type: ignore[no-untyped-def]
    """Fill the three arrays; what comes back is the number of boxes. An element without text has none."""
    open_nodes, open_boxes = np.empty(DEEPEST + 2, np.int32), np.empty(DEEPEST + 2, np.int32)
    open_nodes[0], open_boxes[0] = 0, 0
    depth = count = 1
    run, links, preformatted, line_breaks = -1, 0, 0, 0
    for i in range(1, nodes.shape[0]):
        while depth > 1 and nodes[open_nodes[depth - 1], LAST] <= i:
            depth -= 1
            tag = nodes[open_nodes[depth], TAG]
            links -= tag == tags.A
            preformatted -= tag == tags.PRE
            if flags[tag] & BLOCK:
                run = -1
        tag = nodes[i, TAG]
        if tag == tags.BR:
            line_breaks += 1
            if line_breaks > 1 and not preformatted:
                run = -1
        elif tag != TEXT:
            if flags[tag] & BLOCK:
                run = -1
            if tag == tags.HR:
                continue
            links += tag == tags.A
            preformatted += tag == tags.PRE
            open_nodes[depth], open_boxes[depth] = i, -1
            depth += 1
        else:
            if run < 0:
                up = 0
                for d in range(1, depth):
                    if not flags[nodes[open_nodes[d], TAG]] & BLOCK:
                        continue
                    if open_boxes[d] < 0:
                        open_boxes[d] = count
                        boxes[count, NODE], boxes[count, UP] = open_nodes[d], up
                        count += 1
                    up = open_boxes[d]
                run, line_breaks = count, 0
                boxes[run, NODE], boxes[run, UP], boxes[run, FIRST] = -1, up, i
                boxes[run, MARKS] = PREFORMATTED if preformatted else 0
                count += 1
            run_of[i], breaks[i] = run, min(line_breaks, 100)
            line_breaks = 0
            boxes[run, FINAL] = i
            _count(page, nodes[i, START], nodes[i, END], links > 0, boxes[run])
    _sum_up(boxes, count)
    return count
