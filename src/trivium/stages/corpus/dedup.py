"""Copies found: exact ones by hash, near ones by MinHash over word 5-grams in bands (FineWeb's 14 x 8), in numpy.

MinHash after Broder 1997; bands as in Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3. Of each
cluster the first document stays, so the result depends on the order of the documents and on nothing else.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.uint64]

_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d+")
_STRIDE = np.uint64(0x9E3779B97F4A7C15)
_CHUNK = 4096
"""Shingles hashed at a time: the table stays in the processor's cache."""


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
    """MinHash signatures (texts x hashes): the least value of each hash over a text's word n-grams."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(1, 2**63, hashes, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    offsets = rng.integers(0, 2**63, hashes, dtype=np.uint64)
    known: dict[str, int] = {}
    table = np.empty((len(texts), hashes), np.uint64)
    for i, text in enumerate(texts):
        grams = np.unique(shingles(text, ngram, known))
        least = np.full(hashes, np.iinfo(np.uint64).max, np.uint64)
        for start in range(0, len(grams), _CHUNK):
            block = grams[start : start + _CHUNK, None] * factors + offsets
            np.minimum(least, _mixed(block).min(axis=0), out=least)
        table[i] = least
    return table


def shingles(text: str, ngram: int, known: dict[str, int]) -> Array:
    """A hash for each word n-gram, of words in lower case without accents, every number the same.

    A text of fewer words is one shingle. `known` keeps the words' hashes from text to text.
    """
    plain = unicodedata.normalize("NFKD", text.lower())
    words = _WORD.findall(
        _NUMBER.sub("0", "".join(c for c in plain if not unicodedata.combining(c)) if not plain.isascii() else plain)
    )
    for word in set(words).difference(known):
        known[word] = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
    codes = np.fromiter((known[word] for word in words), np.uint64, len(words))
    width = min(ngram, len(codes))
    grams = np.zeros(max(len(codes) - width + 1, 1), np.uint64)
    for k in range(width):
        grams = _mixed(grams * _STRIDE + codes[k : k + len(grams)])
    return grams


def _mixed(values: Array) -> Array:
    """Bits stirred so that every output bit hangs on every input bit (the finisher of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
