"""Which elements a tag opens, closes, and closes without saying so: HTML's rules for tags that authors leave out."""

from __future__ import annotations

import numpy as np
from numba import njit

from trivium.stages.corpus.extractor import tags
from trivium.stages.corpus.extractor.tags import BLOCK, CELL, CUSTOM, ENDS_P, SECTION, SLOTS, UNKNOWN

TAG, PARENT, LAST, START, END, SPACED = range(6)
"""Columns of a node: its element's number (0: text), its parent, the node behind its last descendant, where its bytes
(of a text) or its attributes begin and end, and whether space was before it."""


@njit
def number_of(name, hyphen, keys, numbers):  # type: ignore[no-untyped-def]
    """An element's number, from the hash of its name."""
    slot = name % np.uint64(SLOTS)
    while keys[slot] != 0:
        if keys[slot] == name:
            return numbers[slot]
        slot = (slot + np.uint64(1)) % np.uint64(SLOTS)
    return CUSTOM if hyphen else UNKNOWN


@njit
def closed_by(tag, flags, nodes, stack, depth):  # type: ignore[no-untyped-def]
    """The depth that stays open when an element begins: end tags that HTML lets authors leave out are put in."""
    if flags[tag] & ENDS_P or tag == tags.P:
        for d in range(depth - 1, 0, -1):
            open_tag = nodes[stack[d], TAG]
            if open_tag == tags.P:
                depth = d
                break
            if flags[open_tag] & BLOCK:
                break
    if tags.H1 <= tag <= tags.H6 and tags.H1 <= nodes[stack[depth - 1], TAG] <= tags.H6:
        return depth - 1
    if tag == tags.LI or tag == tags.DT or tag == tags.DD:
        for d in range(depth - 1, 0, -1):
            open_tag = nodes[stack[d], TAG]
            if open_tag == tag or (tag != tags.LI and (open_tag == tags.DT or open_tag == tags.DD)):
                return d
            if flags[open_tag] & BLOCK and open_tag != tags.DIV and open_tag != tags.P and open_tag != tags.ADDRESS:
                break
    elif tag == tags.A:
        for d in range(depth - 1, 0, -1):
            if nodes[stack[d], TAG] == tags.A:
                return d
            if flags[nodes[stack[d], TAG]] & BLOCK:
                break
    elif (
        tag == tags.TR
        or tag == tags.TD
        or tag == tags.TH
        or tag == tags.TBODY
        or tag == tags.THEAD
        or tag == tags.TFOOT
    ):
        for d in range(depth - 1, 0, -1):
            open_tag = nodes[stack[d], TAG]
            inner = open_tag == tags.TD or open_tag == tags.TH or open_tag == tags.CAPTION
            row = open_tag == tags.TR and tag != tags.TD and tag != tags.TH
            group = (open_tag == tags.TBODY or open_tag == tags.THEAD or open_tag == tags.TFOOT) and tag >= 0
            if open_tag == tags.TABLE or (open_tag == tags.TR and not row):
                break
            if group and (tag == tags.TR or tag == tags.TD or tag == tags.TH):
                break
            if inner or row or group:
                depth = d
    return depth


@njit
def left_by(name, tag, flags, names, nodes, stack, depth):  # type: ignore[no-untyped-def]
    """The depth that stays open behind an end tag; the same depth where it ends nothing."""
    block = flags[tag] & BLOCK
    for d in range(depth - 1, 0, -1):
        if names[d] == name:
            return d
        open_flags = flags[nodes[stack[d], TAG]]
        if not block and open_flags & BLOCK:
            break
        if open_flags & CELL and not flags[tag] & CELL and tag not in (tags.TR, tags.TBODY, tags.THEAD, tags.TFOOT):
            break
        if open_flags & SECTION and tag in (tags.LI, tags.DT, tags.DD):
            break
    return depth
