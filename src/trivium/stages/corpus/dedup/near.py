"""Near-duplicates: sketches in bands, and clusters of what shares a band, directly or by a chain.

Bands as in Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3; the sketch is told in
`kernels/minhash.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trivium.stages.corpus.dedup.bands import Bands
from trivium.stages.corpus.dedup.sign import keys_of, tables

MEMORY = 512 * 2**20
"""Bytes for keys and their sorting; keys beyond half of it go to files."""
Firsts = npt.NDArray[Any]


def near_copies(
    texts: Iterable[str],
    bands: int,
    rows: int,
    ngram: int,
    seed: int,
    memory: int = MEMORY,
    folder: Path | None = None,
) -> Firsts:
    """For each text the index of the first one of its cluster: texts that share a band, directly or by a chain.

    Texts are read once and not kept. Beyond `memory` bytes, keys lie in files below `folder` (see `Bands`) until the
    end: 16 bytes a text and band. Always held: 4 bytes a text, 12 for a moment (8 and 24 from 2^32 texts on). Raises
    TriviumError when the disk is full.
    """
    if not bands:
        return np.arange(sum(1 for _ in texts), dtype=np.uint32)
    return clusters(
        (keys_of(table, bands) for table in tables(texts, bands * rows, ngram, seed)), bands, memory, folder
    )


def clusters(keys: Iterable[npt.NDArray[np.uint64]], bands: int, memory: int, folder: Path | None = None) -> Firsts:
    """For each document the first one of its cluster, from the keys (bands, n) of the next n documents at a time."""
    joined = Clusters()
    with Bands(bands, memory, folder) as kept:
        for some in keys:
            for pairs in kept.add(some):
                joined.join(pairs, kept.documents)
        for pairs in kept.finish():
            joined.join(pairs, kept.documents)
        return joined.firsts(kept.documents)


class Clusters:
    """Which documents belong together: a forest over one array of numbers, in which a parent is never the later one."""

    def __init__(self) -> None:
        self._parents: Firsts = np.empty(0, np.uint32)
        self._size = 0

    def join(self, pairs: npt.NDArray[np.uint64], documents: int) -> None:
        """Put the documents of each pair (2, m) into one cluster; there are `documents` so far."""
        from trivium.stages.corpus.kernels.unions import join

        self._grow(documents)
        join()(self._parents, pairs)

    def firsts(self, documents: int) -> Firsts:
        """The first document of each one's cluster. The forest is used up."""
        from trivium.stages.corpus.kernels.unions import flatten

        self._grow(documents)
        flatten()(self._parents[:documents])
        return self._parents[:documents]

    def _grow(self, size: int) -> None:
        kind = np.uint32 if size <= 2**32 else np.uint64
        if size > self._parents.size or kind != self._parents.dtype:
            parents = np.empty(max(size, 2 * self._parents.size), kind)  # pages not touched cost nothing
            parents[: self._size] = self._parents[: self._size]
            self._parents = parents
        self._parents[self._size : size] = np.arange(self._size, size, dtype=kind)
        self._size = max(size, self._size)
