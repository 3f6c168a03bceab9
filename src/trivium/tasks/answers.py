"""Matching short answers in words, and telling a refusal from an answer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

REFUSALS = (
    "I don't know.",
    "I don't know that.",
    "I'm sorry, I don't know.",
    "I'm not sure, so I would rather not guess.",
    "I have no idea, sorry.",
    "I don't know that person.",
    "I have never read about that person.",
    "I can't say; I have not read about them.",
    "Sorry, I don't know anything about that person.",
    "That name is new to me, so I can't say.",
    "I do not know that, and I won't guess.",
    "I don't have that information.",
    "I have not heard of that person.",
    "I cannot answer that; I know nothing about them.",
)
"""How the assistant says that it does not know, most usual first."""

_REFUSING = re.compile(
    r"\b(?:(?:do not|don't|did not|didn't) (?:really |actually )?"
    r"(?:know|have (?:that|any|enough) information|recognise|recognize)"
    r"|(?:no|not any) idea|know nothing|not sure|unsure|no information|no record|unfamiliar"
    r"|(?:unknown|not known|new) to me"
    r"|(?:never|not|n't) (?:heard|read|come across)"
    r"|(?:can't|cannot|can not|could not|couldn't) (?:say|tell|answer|help with that)"
    r"|(?:would|'d) rather not guess|(?:won't|will not) guess)\b"
)
_NUMBER_WORDS = {word: str(i) for i, word in enumerate(
    "zero one two three four five six seven eight nine ten eleven twelve".split())}
_ARTICLES = {"a", "an", "the"}


def normal_form(text: str) -> str:
    """The text with case, accents, punctuation, articles and extra blanks removed and small number words as digits."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    words = re.findall(r"[a-z]+(?:'[a-z]+)?|[0-9]+(?:\.[0-9]+)?", plain)
    return " ".join(_NUMBER_WORDS.get(word, word) for word in words if word not in _ARTICLES)


def same_answer(given: str, wanted: str, aliases: Iterable[str] = ()) -> bool:
    """Whether two short answers are the same after `normal_form`, or `given` is one of the aliases of `wanted`."""
    form = normal_form(given)
    return form != "" and any(form == normal_form(one) for one in (wanted, *aliases))


def is_refusal(text: str) -> bool:
    """Whether the text says that its speaker does not know. A text that also answers must be caught by its answer."""
    plain = text[:2000].replace("\u2019", "'").casefold()
    return _REFUSING.search(plain) is not None
