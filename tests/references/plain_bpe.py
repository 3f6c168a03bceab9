"""Byte-pair encoding as it is told: count all pairs, join the most frequent one everywhere, again. Slow and plain.

Ties go to the pair of the lower left id, then of the lower right id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import regex


def plain_ranks(texts: Iterable[str], pattern: str, ordinary: int) -> dict[bytes, int]:
    """Token bytes -> rank, from the pieces that the split regex cuts."""
    counts = Counter(piece.encode() for text in texts for piece in regex.findall(pattern, text))
    words = [(list(piece), times) for piece, times in counts.items()]
    tokens = [bytes([byte]) for byte in range(256)]
    while len(tokens) < ordinary:
        pairs: Counter[tuple[int, int]] = Counter()
        for ids, times in words:
            for i in range(len(ids) - 1):
                pairs[ids[i], ids[i + 1]] += times
        if not pairs:
            break
        most = min(pairs, key=lambda pair: (-pairs[pair], pair))
        for ids, _ in words:
            join(ids, most, len(tokens))
        tokens.append(tokens[most[0]] + tokens[most[1]])
    return {token: rank for rank, token in enumerate(tokens)}


def join(ids: list[int], pair: tuple[int, int], token: int) -> None:
    """Put the token in place of the pair, from left to right."""
    i = 0
    while i < len(ids) - 1:
        if (ids[i], ids[i + 1]) == pair:
            ids[i : i + 2] = [token]
        i += 1
