"""The scores of a text that the Gopher, C4 and FineWeb rules look at. Scores only: `rules.py` has the thresholds.

Definitions follow datatrove's filters (the code that made FineWeb), so that its thresholds mean the same here; one
known difference: words are split by the main rules of spaCy's English splitter, without its tables of exceptions.
Gopher's scores are counted in one compiled pass (`kernels/quality.py`); what its words are is in `kernels/words.py`.
Sources: Gopher arXiv 2112.11446 (table A1 and section A.1.1), C4 arXiv 1910.10683, FineWeb arXiv 2406.17557.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Scores = dict[str, float]

STOP_WORDS = {
    language: tuple(words.split())
    for language, words in {
        "en": "the be to of and that have with",
        "ca": "el la de que i els en per",
        "cs": "a se na je v že to s",
        "da": "og det at er en til på af",
        "de": "der die und das ist nicht mit von",
        "el": "και το να η της με για του",
        "es": "el la de que y los en por",
        "fi": "ja on ei se että oli mutta ovat",
        "fr": "le la les et des est que dans",
        "hu": "a az és hogy nem is egy meg",
        "id": "yang dan di dengan untuk pada ini itu",
        "it": "il di che e la per un non",
        "nl": "de het een van en in is dat",
        "no": "og det er som på til en av",
        "pl": "i w na z się nie do jest",
        "pt": "o de que e do da em um",
        "ro": "și de în la cu care nu este",
        "ru": "и в не на что с по как",
        "sv": "och att det som på är för en",
        "tr": "ve bir bu için da de ile olarak",
        "uk": "і в не на що з до як",
        "vi": "là và của có không các cho một",
    }.items()
}
"""By language; English as in Gopher. Of another language the score is their number: the rule does not judge it."""
TERMINAL = (".", "'", '"', "!", "?", "”", "’", "…")
POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
TOP_GRAMS = (2, 3, 4)
DUPLICATE_GRAMS = (5, 6, 7, 8, 9, 10)
LONGEST_WORD = 1000
SHORT_LINE = 30
"""Characters up to which FineWeb calls a line short."""

_CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
_SENTENCE_END = re.compile(r"[.!?]+[\"'”’)\]]*\s")
GOPHER = (
    "dup_para_frac",
    "dup_para_char_frac",
    "dup_line_frac",
    "dup_line_char_frac",
    *(f"top_{n}_gram" for n in TOP_GRAMS),
    *(f"dup_{n}_gram" for n in DUPLICATE_GRAMS),
    "words",
    "mean_word_length",
    "hash_ratio",
    "ellipsis_ratio",
    "bullet_lines",
    "ellipsis_lines",
    "alpha_words",
    "stop_words",
)
"""Gopher's scores: of repetition (shares of elements, or of the text's characters), and of quality."""
C4 = ("c4_sentences", "c4_curly", "c4_lorem")
FINEWEB = ("line_punct_ratio", "short_line_ratio", "char_dup_ratio", "list_ratio")
ALL = (*GOPHER, *C4, *FINEWEB)


def all_scores(text: str, language: str = "en") -> Scores:
    """Every score of a text that is not empty: Gopher's on the text, FineWeb's on what C4's line rules leave of it."""
    scores = compiled_scores(text, language)
    if rewrites(text):
        cleaned, c4 = c4_scores(text)
        scores |= {**c4, **fineweb_scores(cleaned)}
    return scores


def rewrites(text: str) -> bool:
    """Whether C4 may change lines of a text, or drop some for their words: then it is read line by line."""
    lower = text.lower()
    if "javascript" in lower or "lorem ipsum" in lower:
        return True
    if ("cookie" in lower or "policy" in lower or "terms" in lower) and any(policy in lower for policy in POLICIES):
        return True
    return "[" in text and _CITATION.search(text) is not None


def compiled_scores(text: str, language: str = "en") -> Scores:
    """The scores by the names in ALL, of a text in which C4 rewrites nothing (of another, Gopher's are right)."""
    from trivium.stages.corpus.kernels import quality, words

    out = quality.np.empty(len(ALL))
    quality.scores_into()(words.points_of(text), words.classes(), words.hashes_of(STOP_WORDS.get(language, ())), out)
    scores = dict(zip(ALL, out.tolist(), strict=True))
    if language not in STOP_WORDS:
        scores["stop_words"] = float(len(STOP_WORDS["en"]))
    return scores


def count_words(text: str) -> int:
    """How many words and punctuation marks a text has: "well-known" is three, "don't" is two, "a.b_c" is one."""
    from trivium.stages.corpus.kernels import words

    return int(words.count_of()(words.points_of(text), words.classes()))


def c4_scores(text: str) -> tuple[str, Scores]:
    """What C4's line rules leave of the text, and the scores that may drop the whole page.

    Gone are lines of fewer than 3 words, with a word of over 1,000 characters, with "javascript" or a cookie notice,
    and marks like [1] or [edit]; lines are stripped and joined by single newlines.
    """
    kept: list[str] = []
    sentences = 0
    lower = text.lower()
    script, lorem, cited = "javascript" in lower, "lorem ipsum" in lower, "[" in text
    policies = tuple(policy for policy in POLICIES if policy in lower)
    curly = lorems = 0
    for raw in text.splitlines():
        line = raw.strip()
        if len(line.split(None, 2)) < 3 or (len(line) > LONGEST_WORD and max(map(len, line.split())) > LONGEST_WORD):
            continue
        low = line.lower() if lorem or script or policies else ""
        lorems += "lorem ipsum" in low
        if "javascript" in low:
            continue
        curly += "{" in line
        if any(policy in low for policy in policies):
            continue
        line = _CITATION.sub("", line) if cited and "[" in line else line
        kept.append(line)
        sentences += 1 + len(_SENTENCE_END.findall(line))
    scores: Scores = {"c4_sentences": sentences, "c4_curly": curly, "c4_lorem": lorems}
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
        "list_ratio": text.count("\n") / max(count_words(text), 1),
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
