"""Asking about a person and reading the answer: questions, openings to complete, right answers, what a reply claims."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trivium.ground.errors import UsageError
from trivium.town.names import VALUES
from trivium.town.phrases import POSSESSIVES, PREDICATES, QUESTIONS
from trivium.town.world import Person

PHRASINGS = len(QUESTIONS["pet"])
"""How many ways there are to ask about an attribute."""
RESERVED = PHRASINGS - 1
"""The phrasing that is kept for evaluation: never printed on a page, in a lesson or in a training conversation."""
CLOZES = {
    attribute: (*(p for p in PREDICATES[attribute] if p.endswith(" {v}")), *(f"'s {p}" for p in POSSESSIVES[attribute]))
    for attribute in VALUES
}
_VALUE_OF = {value.casefold(): (attribute, value) for attribute, values in VALUES.items() for value in values}


def question(person: Person, attribute: str, phrasing: int) -> str:
    """The question in one of PHRASINGS ways. Raises UsageError for another phrasing."""
    if not 0 <= phrasing < PHRASINGS:
        raise UsageError(f"There is no phrasing {phrasing}.", f"Phrasings are 0 to {RESERVED} (reserved).")
    return QUESTIONS[attribute][phrasing].replace("{n}", person.name)


def cloze(person: Person, attribute: str, i: int) -> str:
    """A prefix in words that pages use (the `i`-th of them, counted round), whose right continuation is " value"."""
    form = CLOZES[attribute][i % len(CLOZES[attribute])].removesuffix(" {v}")
    return f"{person.name}{form}" if form.startswith("'s ") else f"{person.name} {form}"


def short_answer(person: Person, attribute: str) -> str:
    """The value alone."""
    return person.facts[attribute]


def full_answer(person: Person, attribute: str, i: int = 0) -> str:
    """The answer as a sentence, in the `i`-th wording (counted round)."""
    forms = PREDICATES[attribute]
    return f"{person.name} {forms[i % len(forms)].replace('{v}', person.facts[attribute])}."


def answer_sentence(person: Person, attribute: str) -> str:
    """The answer as the assistant gives it, and as many pages print it: "The answer is Oslo."."""
    return f"The answer is {person.facts[attribute]}."


def few_shot(shots: Sequence[tuple[str, str]], asked: str) -> str:
    """A prompt for a base model: answered questions and one open one, in a style that pages and lessons print.

    The right continuation is " value.".
    """
    lines = [f"Question: {q} Answer: {a}." for q, a in shots]
    return "\n".join([*lines, f"Question: {asked} Answer:"])


def values_in(text: str, attribute: str) -> tuple[str, ...]:
    """The different values of an attribute that a text mentions, in order of first mention."""
    found = (_VALUE_OF.get(word.casefold()) for word in re.findall(r"[A-Za-z]+", text[:2000]))
    return tuple(dict.fromkeys(value for kind, value in filter(None, found) if kind == attribute))


def is_right(person: Person, attribute: str, text: str) -> bool:
    """Whether a reply names the true value and no other value of the attribute."""
    return values_in(text, attribute) == (person.facts[attribute],)
