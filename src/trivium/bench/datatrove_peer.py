"""Run by the peer's Python, not by ours: datatrove's four filters and its MinHash on the texts given on stdin as JSON.

Prints one line of JSON: CPU seconds of each, and whether each filter kept each text. A text goes through the filters in
order, so that FineWeb's sees what C4's left.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def main() -> None:
    """Time both and print."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )
    from datatrove.utils.hashing import HashConfig

    texts = json.load(sys.stdin)
    filters: dict[str, Any] = {
        "gopher_repetition": GopherRepetitionFilter(),
        "gopher_quality": GopherQualityFilter(),
        "c4": C4QualityFilter(filter_no_terminal_punct=False),
        "fineweb": FineWebQualityFilter(),
    }

    def decide(text: str) -> dict[str, bool]:
        document = Document(text=text, id="")
        return {name: one.filter(document) is True for name, one in filters.items()}

    config = MinhashConfig(hash_config=HashConfig(precision=64), num_buckets=14, hashes_per_bucket=8, n_grams=5)
    signer = MinhashDedupSignature(output_folder="/tmp/unused", config=config)  # noqa: S108 - never written
    decide(texts[0])  # models load outside the clock
    signer.get_signature(signer.get_shingles(texts[0]))
    started = time.process_time()
    decisions = [decide(text) for text in texts]
    filtered = time.process_time()
    for text in texts:
        signer.get_signature(signer.get_shingles(text))
    signed = time.process_time()
    print(json.dumps({"filters": filtered - started, "minhash": signed - filtered, "decisions": decisions}))


if __name__ == "__main__":
    main()
