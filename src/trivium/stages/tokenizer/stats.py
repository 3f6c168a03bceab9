"""What a vocabulary costs and holds: bytes per token by source, its longest tokens, those that never occur."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from trivium.stages.tokenizer.bulk import Bulk
from trivium.stages.tokenizer.show import describe, is_utf8
from trivium.text.document import Document
from trivium.text.patterns import DIGITS
from trivium.text.tokenizer import Tokenizer, well_formed

BATCH = 256
SHOWN = 24
EXAMPLES = ("strawberry", " strawberry", "Strawberry", "348 × 619 = 215412", "9.11 < 9.9", "Don't panic!", "café 🤖")
"""What the report cuts into tokens for people to see."""


def measure(tokenizer: Tokenizer, splits: Mapping[str, Iterable[Document]]) -> dict[str, Any]:
    """The content of `stats.json`; "unused" counts ordinary ids that never occur in the "train" split.

    Bytes per token are counted without the `<|endoftext|>` of each document; None where there is no token.
    """
    figures, used, bulk = {}, np.zeros(tokenizer.size, np.int64), Bulk(tokenizer)
    for name, documents in splits.items():
        figures[name], seen = costs(bulk, tokenizer.size, documents)
        used += seen if name == "train" else 0
    ordered = sorted(tokenizer.ranks.items(), key=lambda item: item[1])
    unused = sorted((len(token) == 1, rank) for token, rank in ordered if not used[rank])  # merges before bytes
    longest = sorted(ordered, key=lambda item: (-len(item[0]), item[1]))[:SHOWN]
    return {
        "vocabulary": tokenizer.size,
        "ordinary": len(ordered),
        "special": dict(tokenizer.special),
        "pattern": tokenizer.pattern,
        "digits_per_token": DIGITS[tokenizer.pattern],
        "not_utf8_alone": sum(not is_utf8(token) for token, _ in ordered),
        "unused": {
            "count": len(unused),
            "single_bytes": sum(single for single, _ in unused),
            "tokens": [describe(tokenizer, rank) for _, rank in unused[:SHOWN]],
        },
        "longest": [describe(tokenizer, rank) for _, rank in longest],
        "examples": [
            {"text": text, "tokens": [describe(tokenizer, index) for index in tokenizer.encode(text)]}
            for text in EXAMPLES
        ],
        **figures,
    }


def costs(bulk: Bulk, size: int, documents: Iterable[Document]) -> tuple[dict[str, Any], npt.NDArray[np.int64]]:
    """Documents, bytes, tokens and bytes per token, over all and by source; and how often each of `size` ids came."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    used = np.zeros(size, np.int64)
    rest = iter(documents)
    while batch := list(itertools.islice(rest, BATCH)):
        for document, ids in zip(batch, bulk.encode([d.text for d in batch]), strict=True):
            rows[document.source].update(documents=1, bytes=len(well_formed(document.text).encode()), tokens=len(ids))
            used += np.bincount(ids, minlength=size)
    total = sum(rows.values(), Counter({"documents": 0, "bytes": 0, "tokens": 0}))
    return {**_row(total), "by_source": {source: _row(row) for source, row in sorted(rows.items())}}, used


def _row(counts: Counter[str]) -> dict[str, Any]:
    tokens = counts["tokens"]
    return {
        "documents": counts["documents"],
        "bytes": counts["bytes"],
        "tokens": tokens,
        "bytes_per_token": counts["bytes"] / tokens if tokens else None,
    }
