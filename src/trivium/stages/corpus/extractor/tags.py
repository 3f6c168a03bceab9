"""HTML's elements as the parser sees them: which stand for themselves, which are blocks, which end which."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

BLOCK, VOID, SKIPPED, ENDS_P, CELL, SECTION = 1, 2, 4, 8, 16, 32
"""BLOCK begins a new line. VOID has no end. SKIPPED goes with all that is in it. ENDS_P ends an open paragraph. CELL
and SECTION keep end tags inside from reaching out: of a table, or of a list."""

_BLOCKS = """address article aside blockquote body center details dialog dir div dl fieldset figcaption figure footer
    form h1 h2 h3 h4 h5 h6 header hgroup legend main menu nav ol p pre search section summary ul""".split()
_LINES = "caption col colgroup dd dt li table tbody td tfoot th thead tr hr optgroup".split()
_INLINE = """a abbr b big button cite code del dfn em font i ins kbd label mark q s samp small span strong sub sup time
    tt u var br""".split()
_SKIPPED = """script style title textarea xmp iframe noembed noframes noscript template svg math select datalist audio
    video canvas map object""".split()
_VOID = "area base basefont bgsound br embed frame hr img input keygen link meta param source track wbr col".split()

NAMES = ("", "?", "?-", "html", "head", *dict.fromkeys([*_BLOCKS, *_LINES, *_INLINE, *_SKIPPED, *_VOID]))
"""By number: 0 is text, 1 an element unknown to this table, 2 one with a hyphen in its name (a component: a block)."""
TEXT, UNKNOWN, CUSTOM, HTML, HEAD = range(5)
NUMBER = {name: number for number, name in enumerate(NAMES)}
(A, BODY, BR, HR, LI, DT, DD, P, DIV, ADDRESS, TR, TD, TH, PRE, H1, H6, UL, OL, TABLE, TBODY, THEAD, TFOOT) = (
    NUMBER[name]
    for name in "a body br hr li dt dd p div address tr td th pre h1 h6 ul ol table tbody thead tfoot".split()
)
CODE, BLOCKQUOTE, CAPTION, FIGCAPTION = (NUMBER[name] for name in "code blockquote caption figcaption".split())

_PRIME, _BASIS, _MOST = 0x100000001B3, 0xCBF29CE484222325, 2**64 - 1
SLOTS = 1024
"""Of the table of names; a power of two."""


def hash_of(word: bytes) -> int:
    """FNV-1a (64 bit) of some bytes, small letters for capitals; the kernels count the same."""
    value = _BASIS
    for byte in word.lower():
        value = ((value ^ byte) * _PRIME) & _MOST
    return value


@lru_cache(maxsize=1)
def tables() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Hashes of names by slot, the numbers of their elements by slot, and flags by number."""
    keys, numbers = np.zeros(SLOTS, np.uint64), np.zeros(SLOTS, np.int32)
    for name, number in NUMBER.items():
        if number > CUSTOM:
            slot = hash_of(name.encode()) % SLOTS
            while keys[slot]:
                slot = (slot + 1) % SLOTS
            keys[slot], numbers[slot] = hash_of(name.encode()), number
    flags = np.zeros(len(NAMES), np.int32)
    flags[CUSTOM] = BLOCK
    for names, flag in (
        ([*_BLOCKS, *_LINES], BLOCK),
        (_VOID, VOID),
        (_SKIPPED, SKIPPED),
        ([*_BLOCKS, "table", "hr"], ENDS_P),
        ("td th caption table".split(), CELL),
        ("ul ol menu dir dl td th caption table".split(), SECTION),
    ):
        for name in names:
            flags[NUMBER[name]] |= flag
    return keys, numbers, flags
