"""Run by the peer's Python, not by ours: how alike pairs of texts are, and which of them datatrove's MinHash finds.

Given on stdin as JSON: `texts`, `pairs` (two places among them each) and `seeds`. Prints one line of JSON: `similar`,
the exact Jaccard index of each pair's sets of word 5-grams, words as datatrove's `simplify_text` leaves them; and
`found`, for each seed whether each pair shares a band.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def main() -> None:
    """Measure and print."""
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.utils.hashing import HashConfig
    from datatrove.utils.text import simplify_text

    given = json.load(sys.stdin)
    sets = []
    for text in given["texts"]:
        words = simplify_text(text).split()
        sets.append({tuple(words[i : i + 5]) for i in range(len(words) - 4)})
    similar = [len(sets[a] & sets[b]) / max(len(sets[a] | sets[b]), 1) for a, b in given["pairs"]]
    shingles: list[Any] = []
    found = []
    for seed in given["seeds"]:
        hashing = HashConfig(precision=64)
        config = MinhashConfig(hash_config=hashing, num_buckets=14, hashes_per_bucket=8, n_grams=5, seed=seed)
        signer = MinhashDedupSignature(output_folder="/tmp/unused", config=config)  # noqa: S108 - never written
        shingles = shingles or [signer.get_shingles(text) for text in given["texts"]]
        signed = [signer.get_signature(some) if some.size else [] for some in shingles]
        found.append([any(x == y for x, y in zip(signed[a], signed[b])) for a, b in given["pairs"]])  # noqa: B905
    print(json.dumps({"similar": similar, "found": found}))


if __name__ == "__main__":
    main()
