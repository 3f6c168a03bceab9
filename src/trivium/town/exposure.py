"""Counting what was really written: how often a text states each fact, read from the text alone.

A statement is a sentence that holds a person's full name and the true value, or a question with the sentence that
answers it, taken together. The counter knows the town's truths and nothing of how pages were made, so it works as well
on the token shards after the funnel as on the pages themselves.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

from trivium.town.names import VALUES
from trivium.town.world import Town

_WORD = re.compile(r"[A-Za-z]+")
_END = re.compile(r"(?<=[.!?])\s+|\n+")
_ATTRIBUTE_OF = {value.casefold(): attribute for attribute, values in VALUES.items() for value in values}


def statements(text: str) -> Iterator[str]:
    """The sentences of a text; a question and what follows it on its line or the next come back as one."""
    asked = ""
    for part in _END.split(text):
        sentence = part.strip()
        if not sentence:
            continue
        if sentence.endswith("?"):
            if asked:
                yield asked
            asked = sentence
        else:
            yield f"{asked} {sentence}".strip()
            asked = ""
    if asked:
        yield asked


def count(town: Town, texts: Iterable[str]) -> dict[str, int]:
    """How often the texts state each fact, by "person_id/attribute"; facts never stated are there with 0."""
    people = {tuple(person.name.casefold().split()): person for person in town.people}
    found: Counter[str] = Counter({f"{p.id}/{attribute}": 0 for p in town.people for attribute in p.facts})
    for text in texts:
        for sentence in statements(text):
            words = [word.casefold() for word in _WORD.findall(sentence)]
            named = {pair for pair in pairwise(words) if pair in people}
            if not named:
                continue
            values = {word for word in words if word in _ATTRIBUTE_OF}
            for person in (people[pair] for pair in named):
                found.update(
                    f"{person.id}/{_ATTRIBUTE_OF[value]}"
                    for value in values
                    if person.facts[_ATTRIBUTE_OF[value]].casefold() == value
                )
    return dict(found)
