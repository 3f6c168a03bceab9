"""How much of a text an extractor found, and how much else: shared runs of four words.

The measure of scrapinghub's article-extraction-benchmark: by page, counts of the 4-grams of words that both texts have,
that only the extracted one has, that only the true one has; precision and recall are means over pages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from statistics import mean

_WORD = re.compile(r"\w+")
N = 4


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """The 4-grams of a text's words; of a shorter text the whole."""
    words = _WORD.findall(text)
    if 0 < len(words) < N:
        return Counter([tuple(words)])
    return Counter(tuple(words[i : i + N]) for i in range(len(words) - N + 1))


def compare(true: str, found: str) -> tuple[int, int, int]:
    """Shingles that both have, that only `found` has, that only `true` has."""
    wanted, had = shingles(true), shingles(found)
    both = (wanted & had).total()
    return both, had.total() - both, wanted.total() - both


def f1(pages: Sequence[tuple[int, int, int]]) -> tuple[float, float, float]:
    """F1, precision and recall of pages' counts."""

    def share(both: int, other: int, third: int) -> float:
        return 1.0 if not other and not third else both / (both + other) if both else 0.0

    precisions = [share(both, extra, missed) for both, extra, missed in pages if both + extra]
    recalls = [share(both, missed, extra) for both, extra, missed in pages if both + missed]
    precision, recall = (mean(shares) if shares else 0.0 for shares in (precisions, recalls))
    return 2 * precision * recall / max(precision + recall, 1e-12), precision, recall
