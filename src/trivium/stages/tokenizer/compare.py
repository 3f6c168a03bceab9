"""Two tokenizers on the same documents: what they cost, what of them is never used, and whether all comes back."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from trivium.ground.how import How
from trivium.stages.tokenizer.bulk import Bulk
from trivium.stages.tokenizer.show import describe, is_utf8, visible
from trivium.text.document import Document
from trivium.text.patterns import DIGITS
from trivium.text.shards import Shards
from trivium.text.tokenizer import Tokenizer, well_formed

BATCH, SHOWN = 256, 24
NUMBER = "1234567"


def profile(tokenizer: Tokenizer, documents: Iterable[Document], how: How) -> dict[str, Any]:
    """What a tokenizer makes of the documents.

    "sources" and "all": documents, bytes, tokens, bytes per token, shares of tokens that are one byte and that are no
    whole characters; "unused": ordinary ids that never came; "changed": documents that did not come back byte for byte.
    """
    bulk = Bulk(tokenizer, (), how)
    single, broken = _kinds(tokenizer)
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    used, changed = np.zeros(tokenizer.size, np.int64), 0
    rest = iter(documents)
    while batch := list(itertools.islice(rest, BATCH)):
        how.stop.check("while comparing")
        for document, ids in zip(batch, bulk.encode([d.text for d in batch]), strict=True):
            raw = well_formed(document.text).encode()
            rows[document.source].update(
                documents=1,
                bytes=len(raw),
                tokens=len(ids),
                single=int(single[ids].sum()),
                broken=int(broken[ids].sum()),
            )
            used += np.bincount(ids, minlength=tokenizer.size)
            changed += tokenizer.decode_bytes(ids.tolist()) != raw
    total = sum(rows.values(), Counter({"documents": 0, "bytes": 0, "tokens": 0}))
    return {
        "vocabulary": tokenizer.size,
        "pattern": tokenizer.pattern,
        "fingerprint": tokenizer.fingerprint,
        "digits_per_token": DIGITS[tokenizer.pattern],
        "number": [visible(tokenizer.decode_bytes([index])) for index in tokenizer.encode(NUMBER)],
        "not_utf8_alone": int(broken.sum()),
        "sources": {source: _row(row) for source, row in sorted(rows.items())},
        "all": _row(total),
        "unused": listed(tokenizer, np.flatnonzero(used[: tokenizer.end_of_text] == 0)),
        "changed": changed,
    }


def untrained_by_shards(tokenizer: Tokenizer, shards: Shards) -> dict[str, Any]:
    """Ids that a model trained on these shards never read: ordinary ones and specials. As `listed` gives them."""
    seen = np.zeros(tokenizer.size, bool)
    for first in range(0, len(shards.train.ids), 1 << 24):
        seen[np.unique(shards.train.ids[first : first + (1 << 24)])] = True
    return listed(tokenizer, np.flatnonzero(~seen))


def listed(tokenizer: Tokenizer, ids: npt.NDArray[np.int64]) -> dict[str, Any]:
    """How many ids these are, how many of them single bytes, and some of them for people, merges first."""
    tokens = [(len(tokenizer.decode_bytes([index])) == 1, index) for index in ids.tolist()]
    return {
        "count": len(tokens),
        "single_bytes": sum(single for single, _ in tokens),
        "tokens": [describe(tokenizer, index) for _, index in sorted(tokens)[:SHOWN]],
    }


def _kinds(tokenizer: Tokenizer) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """For each id whether it is a single byte, and whether it is no whole characters."""
    single, broken = np.zeros(tokenizer.size, bool), np.zeros(tokenizer.size, bool)
    for token, rank in tokenizer.ranks.items():
        single[rank], broken[rank] = len(token) == 1, not is_utf8(token)
    return single, broken


def _row(counts: Counter[str]) -> dict[str, Any]:
    tokens = counts["tokens"]
    shares = {
        name: value / tokens if tokens else None
        for name, value in (
            ("bytes_per_token", counts["bytes"]),
            ("single_bytes", counts["single"]),
            ("broken_characters", counts["broken"]),
        )
    }
    return {"documents": counts["documents"], "bytes": counts["bytes"], "tokens": tokens, **shares}
