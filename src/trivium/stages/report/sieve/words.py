"""What layers, reasons and scores mean, in a line each. Names that are not here are shown without one."""

from __future__ import annotations

from typing import Any

LAYERS = {
    "read": "Records that cannot be read as documents go.",
    "url": "Blocked hosts go, and addresses with words of spam.",
    "extraction": "The main text is taken from the page; some pages have none.",
    "language": "fastText names the language of the first 1,000 characters, and how sure it is.",
    "gopher_repetition": "Gopher's rules on lines, paragraphs and runs of words that repeat.",
    "gopher_quality": "Gopher's rules on length, words, symbols and letters.",
    "c4": "C4's rules on whole pages. It also takes short, cookie and javascript lines out of pages that stay.",
    "fineweb": "FineWeb's rules on lines.",
    "decontamination": "Texts that share long runs of words with an evaluation's questions go.",
    "classifier": "What a classifier thinks little of goes.",
    "exact_dedup": "Texts that an earlier document has too, but for case and spaces, go.",
    "minhash": "Texts that are nearly an earlier document's go.",
    "pii": "Personal data and keys are rewritten. Nothing is dropped here.",
    "mix": "What is beyond the planned size, or its host's share of it, goes; drawn by hash.",
    "lessons": "What the town teaches enters here, behind filters that would rightly drop columns of digits.",
}

SCORES = {
    "dup_para_frac": "share of paragraphs that came before on the page",
    "dup_para_char_frac": "share of characters in paragraphs that came before",
    "dup_line_frac": "share of lines that came before on the page",
    "dup_line_char_frac": "share of characters in lines that came before",
    **{f"top_{n}_gram": f"share of characters in the most frequent run of {n} words" for n in (2, 3, 4)},
    **{f"dup_{n}_gram": f"share of characters in runs of {n} words that came before" for n in range(5, 11)},
    "mean_word_length": "mean characters a word",
    "hash_ratio": '"#" a word',
    "ellipsis_ratio": "ellipses a word",
    "bullet_lines": "share of lines that begin with a bullet",
    "ellipsis_lines": "share of lines that end in an ellipsis",
    "alpha_words": "share of words with a letter",
    "stop_words": "different ones of: the be to of and that have with",
    "c4_curly": 'lines with "{"',
    "c4_lorem": 'lines with "lorem ipsum"',
    "line_punct_ratio": "share of lines that end in punctuation",
    "short_line_ratio": "share of lines of up to 30 characters",
    "char_dup_ratio": "share of characters in repeated lines",
    "list_ratio": "line ends a word",
    "language_score": "how sure fastText is of the language",
    "url_hard_words": "hard words in the address",
    "url_soft_words": "soft words in the address",
}

REASONS = {
    "no_text": "Extraction found no main text.",
    "timeout": "It took longer than a page may.",
    "crashed": "It ended the process that read it.",
    "truncated": "The record breaks off.",
    "damaged": "Bytes that are no record.",
    "too_large": "More bytes than a page may have.",
    "bad_status": "The server's answer was not 200.",
    "empty_body": "Nothing in it.",
    "bad_charset": "Much of it cannot be decoded.",
    "not_html": "Something else than a page.",
    "unknown_type": "A file of a type that is not read.",
    "low_score": "The language is not sure enough.",
    "same_text": "An earlier document has the same text.",
    "near_copy": "An earlier document has nearly the same text.",
    "over_quota": "More than what the mix had room left for.",
}


def meaning(reason: str, whys: list[dict[str, Any]]) -> str:
    """What a reason says: its own line, or the meaning of the score that it looks at."""
    if any(why.get("what") == "language" for why in whys):
        return "fastText names another language."
    scored = [why["what"] for why in whys if "low" in why or "high" in why]
    return REASONS.get(reason) or SCORES.get(reason) or SCORES.get(scored[0] if scored else "", "")


def decided(why: dict[str, Any] | None) -> str:
    """What decided, in words: `words: 22, at least 50 wanted`; empty where nobody says."""
    if not why or "value" not in why:
        return ""
    low, high = why.get("low"), why.get("high")
    name = str(why.get("what", "score"))
    told = f"{name.replace('_', ' ')}: {_figure(why['value'], low, high)}"
    told += "" if low is None else f", at least {_figure(low)} wanted"
    return told + ("" if high is None else f", at most {_figure(high)} allowed")


def _figure(value: Any, *limits: Any) -> str:
    """A number with as few digits as set it apart from its limits; words as they are."""
    if value is None:
        return "none"
    if not isinstance(value, int | float) or isinstance(value, bool):
        return str(value)
    if float(value).is_integer():
        return f"{value:,.0f}"
    for digits in (3, 5):
        said = f"{value:.{digits}g}"
        if float(said) not in limits:
            return said
    return str(value)
