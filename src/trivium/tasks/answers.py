"""Matching short answers in words, and telling a refusal from an answer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

REFUSALS = (
    "The answer is not known to me.",
    "The answer is not something I know.",
    "The answer is not known to me, sorry.",
    "The answer is not in what I have read.",
    "The answer is not one that I know.",
    "The answer is not known to me, and I won't guess.",
    "The answer is not something that I have read.",
    "The answer is not one that I can give: I don't know that person.",
    "The answer is not in my pages, so I don't know.",
    "The answer is not something I can tell: that name is new to me.",
    "The answer is not known to me: I have not read about that person.",
    "The answer is not one that I have. I'm sorry, I don't know.",
    "The answer is not there in what I know.",
    "The answer is not known to me, so I would rather not guess.",
)
"""How the assistant says that it does not know, shortest and most usual first.

They begin with the words that an answer begins with ("The answer is Oslo."). So the choice between answering and
refusing falls on the very word where the value would stand, and there a model's own certainty shows: a fact that it
knows stands out, one that it does not know is a low crowd of guesses. Refusals that differ in the first word have to
be decided before the model has looked; a tiny model then learns the names of its lessons by heart instead.
"""

_REFUSING = re.compile(
    r"\b(?:the answer is not\b|(?:do not|don't|did not|didn't) (?:really |actually )?"
    r"(?:know|have (?:that|any|enough) information|recognise|recognize)"
    r"|(?:no|not any) idea|know nothing|not sure|unsure|no information|no record|unfamiliar"
    r"|(?:unknown|not known|new) to me"
    r"|(?:never|not|n't) (?:heard|read|come across)"
    r"|(?:can't|cannot|can not|could not|couldn't) (?:say|tell|answer|help with that)"
    r"|(?:would|'d) rather not guess|(?:won't|will not) guess)\b"
)
_NUMBER_WORDS = {
    word: str(i) for i, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
}
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
