"""Copies found in bounded memory: exact ones by hash, near ones by sketches of word n-grams in bands (14 x 8).

Of each cluster the first document stays, so the result depends on the order of the documents and on nothing else.
"""

from __future__ import annotations

from trivium.stages.corpus.dedup.exact import exact_copies
from trivium.stages.corpus.dedup.near import near_copies
from trivium.stages.corpus.dedup.sign import signatures

__all__ = ["exact_copies", "near_copies", "signatures"]
