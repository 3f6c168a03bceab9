"""The scores of a text that the Gopher, C4 and FineWeb rules look at. Scores only: `rules.py` has the thresholds.

Definitions follow datatrove's filters (the code that made FineWeb), so that its thresholds mean the same here; one
known difference: words are split by a regex that copies the main rules of spaCy's English splitter (on 798 manual pages
it decides as with spaCy's words in 99.1 % by repetition and 98.2 % by Gopher quality, at a seventh of the cost).
Sources: Gopher arXiv 2112.11446 (table A1 and section A.1.1), C4 arXiv 1910.10683, FineWeb arXiv 2406.17557.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

Scores = dict[str, float]

STOP_WORDS = frozenset(("the", "be", "to", "of", "and", "that", "have", "with"))
TERMINAL = (".", "'", '"', "!", "?", "”", "’", "…")
POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
TOP_GRAMS = (2, 3, 4)
DUPLICATE_GRAMS = (5, 6, 7, 8, 9, 10)
LONGEST_WORD = 1000
SHORT_LINE = 30
"""Characters up to which FineWeb calls a line short."""

_WORD = re.compile(
    r"""
    \.{2,} | ['’](?:s|re|ve|ll|d|m)\b          # an ellipsis; what follows a name or pronoun
    | (?:(?<!\w)(?:--?|[@./\\~]))?\w+ (?:       # a word goes on through marks inside it (a.b, f(x, utf-8) but for
        (?! (?<=[^\W_])[-,–—](?=[^\W\d_])      #   a hyphen or comma before a letter
          | (?<=\d)[-+*^](?=\d)                #   a sign between digits
          | (?<=\w)[:<>=/](?=[^\W\d_])         #   these before a letter
          | (?<=[a-z])\.(?=[A-Z])              #   a full stop without its space
          | ['’](?:s|re|ve|ll|d|m)\b | \.{2} | … )
        [^\w\s]+ \w+ )*
    | [^\w\s]                                # any other mark is one by itself
""",
    re.VERBOSE,
)
_CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
_SENTENCE_END = re.compile(r"[.!?]+[\"'”’)\]]*(?=\s|$)")
_PARAGRAPHS = re.compile(r"\n{2,}")
_LINES = re.compile(r"\n+")


def words_of(text: str) -> list[str]:
    """Words and punctuation marks, in order: "well-known" is three, "a.b_c" and "don't" are one."""
    return _WORD.findall(text)


def all_scores(text: str) -> Scores:
    """Every score of a text that is not empty: Gopher's on the text, FineWeb's on what C4's line rules leave of it."""
    words = words_of(text)
    cleaned, c4 = c4_scores(text)
    return {**repetition_scores(text, words), **gopher_scores(text, words), **c4, **fineweb_scores(cleaned)}


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
        "stop_words": len(STOP_WORDS.intersection(words)),
    }


def c4_scores(text: str) -> tuple[str, Scores]:
    """What C4's line rules leave of the text, and the scores that may drop the whole page.

    Gone are lines of fewer than 3 words, with a word of over 1,000 characters, with "javascript" or a cookie notice,
    and marks like [1] or [edit]; lines are stripped and joined by single newlines.
    """
    kept: list[str] = []
    curly = lorem = 0
    for raw in text.splitlines():
        line = raw.strip()
        words = line.split()
        if len(words) < 3 or (len(line) > LONGEST_WORD and max(map(len, words)) > LONGEST_WORD):
            continue
        lower = line.lower()
        lorem += "lorem ipsum" in lower
        if "javascript" in lower:
            continue
        curly += "{" in line
        if not any(policy in lower for policy in POLICIES):
            kept.append(_CITATION.sub("", line) if "[" in line else line)
    sentences = sum(max(1, len(_SENTENCE_END.findall(line))) for line in kept)
    scores: Scores = {"c4_sentences": sentences, "c4_curly": curly, "c4_lorem": lorem}
    return "\n".join(kept).strip(), scores


def fineweb_scores(text: str) -> Scores:
    """FineWeb's own scores of a text that went through `c4_scores`; of an empty text, those that drop it."""
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        return {"line_punct_ratio": 0.0, "short_line_ratio": 1.0, "char_dup_ratio": 0.0, "list_ratio": 1.0}
    return {
        "line_punct_ratio": sum(line.endswith(TERMINAL) for line in lines) / len(lines),
        "short_line_ratio": sum(len(line) <= SHORT_LINE for line in lines) / len(lines),
        "char_dup_ratio": duplicates(lines)[1] / max(len(text) - text.count("\n"), 1),
        "list_ratio": text.count("\n") / max(len(words_of(text)), 1),
    }


def duplicates(parts: Sequence[str]) -> tuple[int, int]:
    """How many of the parts were there before, and how many characters those have."""
    seen: set[str] = set()
    elements = characters = 0
    for part in parts:
        if part in seen:
            elements += 1
            characters += len(part)
        seen.add(part)
    return elements, characters


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
