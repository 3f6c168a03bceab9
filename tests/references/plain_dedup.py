"""Near-duplicate clusters the plain way, as a reference: a dict per band of the hashes themselves, all in memory."""

from __future__ import annotations

from collections.abc import Sequence


def clusters(table: Sequence[Sequence[int]], bands: int) -> list[int]:
    """For each row of hashes the first row of its cluster: rows that agree in a band, directly or by a chain."""
    parents = list(range(len(table)))

    def root(i: int) -> int:
        while parents[i] != i:
            i = parents[i]
        return i

    for band in range(bands):
        first: dict[tuple[int, ...], int] = {}
        for i, row in enumerate(table):
            rows = len(row) // bands
            one, other = root(first.setdefault(tuple(row[band * rows : (band + 1) * rows]), i)), root(i)
            parents[max(one, other)] = min(one, other)
    return [root(i) for i in range(len(table))]
