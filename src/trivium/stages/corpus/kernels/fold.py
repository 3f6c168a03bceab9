"""Characters as deduplication sees them: lower case, without accents, and which of them make words.

A table instead of a regular expression: folding a text costs one look-up a character, whatever its script.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LIMIT = 0x20000
"""Characters behind it (rare ideographs) are letters that fold to themselves."""
GAP, LETTER, DIGIT = 0, 1, 2
MANY = 0xFFFFFFFF
"""In `single`: the character does not fold to one character."""


class Folding(NamedTuple):
    """Character c becomes `pool[starts[c] : starts[c + 1]]`: characters times 4 plus the class of each.

    Nearly all become one character: `single[c]` is that entry of the pool, or MANY.
    """

    single: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.uint32]
    pool: npt.NDArray[np.uint32]


@lru_cache(maxsize=1)
def folding() -> Folding:
    """The table: lower case, compatibility decomposition (NFKD), combining marks left out."""
    single = np.full(LIMIT, MANY, np.uint32)
    starts = np.zeros(LIMIT + 1, np.uint32)
    pool: list[int] = []
    for code in range(LIMIT):
        char = chr(code).lower()
        parts = char if char.isascii() else unicodedata.normalize("NFKD", char).lower()
        entries = [ord(part) << 2 | _class(part) for part in parts if not unicodedata.combining(part)]
        if len(entries) == 1:
            single[code] = entries[0]
        pool += entries
        starts[code + 1] = len(pool)
    return Folding(single, starts, np.array(pool, np.uint32))


def _class(char: str) -> int:
    return (DIGIT if char.isdecimal() else LETTER) if char.isalnum() else GAP
