"""What people say to an assistant, to write conversations from: some kept apart to measure with.

Of the ways to ask each everyday thing, each question about the assistant and each refused topic the last (of many the
last two) are never written about, and invented people have other names. Facts come from a town, from files of questions
and answers, and from documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from trivium.stages.sft.guideline import WHO, Guideline
from trivium.text.conversations.rows import rows_of
from trivium.town.phrases import QUESTIONS
from trivium.town.smalltalk import EVERYDAY, IDENTITY, Exchange, filled

FIRST = ("Vel", "Oru", "Tam", "Ish", "Quen", "Bra", "Zel", "Nov", "Fir", "Gal", "Hesk", "Yor")
LAST = ("dor", "in", "essa", "ul", "ovan", "ith", "anda", "eck", "omir", "yl", "ara", "ost")
VAGUE = frozenset("This That It There These Here He She They What Who".split())
_DEFINED = re.compile(
    r"^((?:The |An? )?[\w'-]+(?: [\w'-]+){0,3}?) (is|are|was|were) ((?:an?|the) [^.!?\n]{10,90}\.)", re.MULTILINE
)


@dataclass(frozen=True)
class Ask:
    """Something said to the assistant, and what an answer is made from."""

    kind: str
    """identity, everyday, answer, refusal, unsure."""
    text: str
    about: str = ""
    """The topic of a refusal, or of a question about the assistant; the true answer to a question."""
    replies: tuple[str, ...] = ()
    """Everyday replies to choose from."""
    near: bool = False
    """Whether conversations are written about this very wording: only what opens it is new."""


def identity(guideline: Guideline, kept: bool) -> list[Ask]:
    """Questions about the assistant that the guideline answers; with `kept` those to measure with."""
    found = []
    for topic, exchange in zip(WHO, IDENTITY, strict=True):
        if topic in guideline.who:
            found += [Ask("identity", text, topic) for text in _some(exchange.asks, kept)]
    return found


def everyday(rng: Random, rounds: int, kept: bool) -> list[Ask]:
    """Everyday talk, its slots filled `rounds` times."""
    return [ask for _ in range(rounds) for exchange in EVERYDAY for ask in _filled(exchange, rng, kept)]


def refusals(guideline: Guideline, kept: bool) -> list[Ask]:
    """Questions that the guideline refuses."""
    return [Ask("refusal", text, topic) for topic, asks in guideline.refuses.items() for text in _some(asks, kept)]


def unsure(rng: Random, count: int, kept: bool) -> list[Ask]:
    """Questions about people that nobody has heard of; names to measure with are others than those to learn from."""
    names = [f"{a}{b.lower()} {c}{d}" for a in FIRST for b in LAST for c in FIRST for d in LAST if a != c]
    mine = names[1::2] if kept else names[::2]
    attributes = list(QUESTIONS)
    return [
        Ask("unsure", rng.choice(_some(QUESTIONS[rng.choice(attributes)], kept)).replace("{n}", rng.choice(mine)))
        for _ in range(count)
    ]


def known(sources: tuple[str, ...], rng: Random, count: int) -> list[Ask]:
    """Questions with true answers: of a town (a sealed folder's town.json), files of question and answer, documents."""
    pairs = [pair for source in sources for pair in _pairs(Path(source))]
    chosen = rng.sample(pairs, min(count, len(pairs)))
    return [Ask("answer", question, answer) for question, answer in chosen]


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    if path.is_dir():
        yield from _of_town(path / "town.json") if (path / "town.json").is_file() else ()
        return
    for row in rows_of(path):
        value: Any = row.value if isinstance(row.value, dict) else {}
        question, answer, text = (value.get(key) for key in ("question", "answer", "text"))
        if isinstance(question, str) and isinstance(answer, str) and answer.strip():
            yield question, answer if answer.rstrip().endswith((".", "!", "?")) else f"{answer.strip()}."
        elif isinstance(text, str):
            yield from mined(text)


def mined(text: str) -> list[tuple[str, str]]:
    """Questions and answers that a document's definitions give: "A tarn is a small lake." answers "What is a tarn?"."""
    found = []
    for subject, verb, rest in _DEFINED.findall(text):
        if not subject[0].isupper() or subject.split()[0] in VAGUE:
            continue
        name = subject[0].lower() + subject[1:] if subject.startswith(("The ", "A ", "An ")) else subject
        found.append((f"What {verb} {name}?", f"{subject} {verb} {rest}"))
    return found


def _of_town(path: Path) -> Iterator[tuple[str, str]]:
    from trivium.ground.atomic import read_json
    from trivium.town.questions import RESERVED, answer_sentence, question
    from trivium.town.world import Town

    town = Town.from_json(read_json(path))
    for person in town.group("written", "train"):
        for attribute in person.facts:
            for phrasing in range(min(2, RESERVED)):
                yield question(person, attribute, phrasing), answer_sentence(person, attribute)


def _some(asks: tuple[str, ...], kept: bool) -> tuple[str, ...]:
    aside = 2 if len(asks) > 4 else 1
    return tuple(asks[-aside:] if kept else asks[:-aside])


def _filled(exchange: Exchange, rng: Random, kept: bool) -> Iterator[Ask]:
    for ask in _some(exchange.asks, kept):
        text, *replies = filled(rng, ask, *exchange.replies)
        yield Ask("everyday", text, replies=tuple(replies))
