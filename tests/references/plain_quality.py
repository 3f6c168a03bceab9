"""Gopher's scores as a plain reading of their definitions, to hold the compiled pass against."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from trivium.stages.corpus.quality import DUPLICATE_GRAMS, STOP_WORDS, TOP_GRAMS, duplicates

Scores = dict[str, float]
_PARAGRAPHS = re.compile(r"\n{2,}")
_LINES = re.compile(r"\n+")


def repetition_scores(text: str, words: Sequence[str]) -> Scores:
    """Gopher's repetition scores: shares of elements, or of the text's characters, between 0 and about 1."""
    size = max(len(text), 1)
    paragraphs = _PARAGRAPHS.split(text.strip())
    lines = _LINES.split(text)
    scores: Scores = {}
    for name, parts in (("para", paragraphs), ("line", lines)):
        elements, characters = duplicates(parts)
        scores[f"dup_{name}_frac"] = elements / len(parts)
        scores[f"dup_{name}_char_frac"] = characters / size
    for n in TOP_GRAMS:
        scores[f"top_{n}_gram"] = _top_gram(words, n) / size
    repeats = len({*_grams(words, DUPLICATE_GRAMS[0])}) < len(words) - DUPLICATE_GRAMS[0] + 1
    for n in DUPLICATE_GRAMS:  # where no 5-gram comes twice, no longer one does
        scores[f"dup_{n}_gram"] = _duplicate_grams(words, n) / size if repeats else 0.0
    return scores


def gopher_scores(text: str, words: Sequence[str]) -> Scores:
    """Gopher's quality scores: counts, mean characters a word, and ratios to words or lines."""
    real = [word for word in words if word.isalnum() or len(word) > 1]
    lines = text.splitlines() or [""]
    count = max(len(words), 1)
    return {
        "words": len(real),
        "mean_word_length": sum(map(len, real)) / max(len(real), 1),
        "hash_ratio": text.count("#") / count,
        "ellipsis_ratio": (text.count("...") + text.count("…")) / count,
        "bullet_lines": sum(line.lstrip().startswith(("•", "-")) for line in lines) / len(lines),
        "ellipsis_lines": sum(line.rstrip().endswith(("...", "…")) for line in lines) / len(lines),
        "alpha_words": sum(word.isalpha() or any(map(str.isalpha, word)) for word in words) / count,
        "stop_words": len(set(STOP_WORDS["en"]).intersection(words)),
    }


def _grams(words: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    return zip(*(words[i:] for i in range(n)), strict=False)


def _top_gram(words: Sequence[str], n: int) -> int:
    """Characters that the most frequent n-gram takes, its spaces counted."""
    if len(words) < n:
        return 0
    gram, times = Counter(_grams(words, n)).most_common(1)[0]
    return (sum(map(len, gram)) + n - 1) * times


def _duplicate_grams(words: Sequence[str], n: int) -> int:
    """Characters in n-grams that came before; after a hit the window jumps behind it, so that none counts twice."""
    seen: set[tuple[str, ...]] = set()
    characters = i = 0
    while i + n <= len(words):
        gram = tuple(words[i : i + n])
        if gram in seen:
            characters += sum(map(len, gram))
            i += n
        else:
            seen.add(gram)
            i += 1
    return characters
