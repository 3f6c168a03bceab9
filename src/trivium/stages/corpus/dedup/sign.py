"""Signatures of texts, a block of texts at a time, and the keys of their bands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.uint64]
BLOCK_TEXTS, BLOCK_BYTES = 1024, 4_000_000
"""A block is as many texts, or as many bytes and the text that reaches them."""


def signatures(texts: Iterable[str], hashes: int, ngram: int, seed: int) -> Array:
    """Signatures (texts x hashes): two texts agree in a share of them that estimates their n-gram sets' Jaccard index.

    Words are in lower case without accents, every number is the same. All is held: for many texts, take `tables`.
    """
    found = list(tables(texts, hashes, ngram, seed))
    return np.concatenate(found) if found else np.empty((0, hashes), np.uint64)


def tables(texts: Iterable[str], hashes: int, ngram: int, seed: int) -> Iterator[Array]:
    """The signatures of one block of texts after the other; only one block is held."""
    from trivium.stages.corpus.kernels.fold import folding
    from trivium.stages.corpus.kernels.minhash import sign

    for text, ends in _blocks(texts):
        table = np.empty((ends.size, hashes), np.uint64)
        sign()(text, ends, *folding(), np.uint64(seed % 2**64), ngram, table)
        yield table


def keys_of(table: Array, bands: int) -> Array:
    """Keys (bands x texts): 64 bits that stand for a text's hashes in a band. Different hashes get equal keys by chance
    only, once in 2^64 pairs.
    """
    from trivium.stages.corpus.kernels.minhash import keys_into

    keys = np.empty((bands, len(table)), np.uint64)
    keys_into()(table, keys)
    return keys


def _blocks(texts: Iterable[str]) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]]:
    """Texts as UTF-8, a space behind each, and where each one ends."""
    parts: list[bytes] = []
    size = 0
    for text in texts:
        parts.append(text.encode("utf-8", "surrogatepass"))
        size += len(parts[-1])
        if len(parts) == BLOCK_TEXTS or size >= BLOCK_BYTES:
            yield _joined(parts)
            parts, size = [], 0
    if parts:
        yield _joined(parts)


def _joined(parts: list[bytes]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    ends = np.cumsum([len(part) + 1 for part in parts], dtype=np.int64)
    return np.frombuffer(b" ".join([*parts, b""]), np.uint8), ends
