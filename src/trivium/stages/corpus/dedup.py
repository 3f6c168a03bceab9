"""Copies found: exact ones by hash, near ones by MinHash over word 5-grams in bands (FineWeb's 14 x 8).

MinHash after Broder 1997; bands as in Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3. Of each
cluster the first document stays, so the result depends on the order of the documents and on nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.uint64]


def exact_copies(texts: Sequence[str]) -> list[int]:
    """For each text the index of the first one equal to it but for case and spaces: its own when it is the first."""
    first: dict[bytes, int] = {}
    return [
        first.setdefault(hashlib.sha256(" ".join(text.casefold().split()).encode()).digest(), i)
        for i, text in enumerate(texts)
    ]


def near_copies(texts: Sequence[str], bands: int, rows: int, ngram: int, seed: int) -> list[int]:
    """For each text the index of the first one of its cluster: texts that share a band, directly or by a chain."""
    parents = list(range(len(texts)))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    if not bands or not texts:
        return parents
    table = signatures(texts, bands * rows, ngram, seed)
    for band in range(bands):
        first: dict[bytes, int] = {}
        keys = table[:, band * rows : (band + 1) * rows]
        for i in range(len(texts)):
            one, other = root(first.setdefault(keys[i].tobytes(), i)), root(i)
            parents[max(one, other)] = min(one, other)
    return [root(i) for i in range(len(texts))]


def signatures(texts: Sequence[str], hashes: int, ngram: int, seed: int) -> Array:
    """MinHash signatures (texts x hashes): the least value of each hash over a text's word n-grams.

    Words are in lower case without accents, every number is the same.
    """
    from trivium.stages.corpus.kernels.fold import bytes_of, folding
    from trivium.stages.corpus.kernels.minhash import lower_to

    factors, offsets = hash_functions(hashes, seed)
    table, lower = np.empty((len(texts), hashes), np.uint64), lower_to()
    for i, text in enumerate(texts):
        lower(bytes_of(text), *folding(), factors, offsets, ngram, table[i])
    return table


def hash_functions(count: int, seed: int) -> tuple[Array, Array]:
    """Odd factors and offsets of `count` functions x -> a x + b modulo 2^64, drawn from `seed`."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(1, 2**63, count, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return factors, rng.integers(0, 2**63, count, dtype=np.uint64)
