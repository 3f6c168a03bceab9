"""Probes: asking a model for facts of the town, as its kind must be asked, and reading what it says.

Base models are asked to complete a sentence (cloze) and to go on with a list of answered questions (few-shot); chat
models are asked. To evaluate, questions use the phrasing that no page, lesson or conversation prints.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from trivium.generate.engine import Engine, Request
from trivium.generate.talk import answer, ask
from trivium.ground.artifact import Artifact
from trivium.ground.errors import ArtifactError
from trivium.ground.progress import Progress
from trivium.tasks.answers import is_refusal
from trivium.text.chat import Reply
from trivium.text.tokenizer import Tokenizer
from trivium.town import questions
from trivium.town.questions import RESERVED, few_shot, values_in
from trivium.town.world import Person

Manner = Literal["base", "chat"]
Verdict = Literal["right", "wrong", "refused", "other"]
"""right: the true value and no other; wrong: another value, or several; refused: no value, and it says that it does
not know; other: neither (an empty reply too)."""
SENTENCE_ENDS = "\n.?!"
Shot = tuple[str, str]
"""A question and its answer, shown before the question that is asked."""


@dataclass(frozen=True)
class Fact:
    """Something true of somebody, and how often the model has read it."""

    person: Person
    attribute: str
    exposure: int = 0
    """Statements in the training shard times epochs."""

    @property
    def key(self) -> str:
        """`person_id/attribute`, as `exposure.json` spells it."""
        return f"{self.person.id}/{self.attribute}"

    @property
    def value(self) -> str:
        """What is true."""
        return self.person.facts[self.attribute]

    @property
    def question(self) -> str:
        """The question in the phrasing reserved for evaluation."""
        return self.asked(RESERVED)

    def asked(self, phrasing: int) -> str:
        """The question in a phrasing, 0 to RESERVED."""
        return questions.question(self.person, self.attribute, phrasing)


@dataclass(frozen=True)
class FewShot:
    """What a base model said to one few-shot question."""

    asked: str
    shots: tuple[Shot, ...]
    greedy: str
    samples: tuple[str, ...]


def manner_of(model: Artifact, wanted: str = "auto") -> Manner:
    """How a model must be asked: `wanted`, or for "auto" base for what pre-training made and chat for all else.

    Raises ArtifactError for another word.
    """
    if wanted not in ("auto", "base", "chat"):
        raise ArtifactError(f"A model cannot be asked in manner {wanted!r}.", "Use auto, base or chat.")
    if wanted == "auto":
        return "base" if model.manifest.get("stage") == "pretrain" else "chat"
    return "base" if wanted == "base" else "chat"


def facts_of(people: Iterable[Person], per_epoch: Mapping[str, int], epochs: int = 1) -> list[Fact]:
    """Every fact of the people, in order, with its exposure. A fact that `per_epoch` does not list was never read."""
    return [
        Fact(person, attribute, per_epoch.get(f"{person.id}/{attribute}", 0) * epochs)
        for person in people
        for attribute in person.facts
    ]


class ShotDrawer:
    """Draws shots for a question: the same question about other, well-known people of the train split.

    A shot's value may by chance be the true one, as often as values are shared in the town: kept out, a model that
    copies from its shots would be right less often than a guesser, and exposure 0 would look worse than ignorance.
    """

    def __init__(self, facts: Sequence[Fact], well_known: int, count: int, seed: int) -> None:
        """From all facts; where fewer than two times `count` are well known, the most exposed ones serve."""
        self.count, self.seed = count, seed
        self.pools: dict[str, list[Fact]] = {}
        for fact in sorted(facts, key=lambda fact: -fact.exposure):
            if fact.person.split == "train" and fact.person.group == "written":
                pool = self.pools.setdefault(fact.attribute, [])
                if fact.exposure >= well_known or len(pool) < 2 * count:
                    pool.append(fact)

    def draw(self, fact: Fact, phrasing: int = RESERVED) -> tuple[Shot, ...]:
        """The shots before this fact's question, in the same phrasing: always the same for the same fact."""
        return tuple((other.asked(phrasing), other.value) for other in self.draw_facts(fact))

    def draw_facts(self, fact: Fact) -> list[Fact]:
        """The facts that the shots are about."""
        pool = [other for other in self.pools.get(fact.attribute, []) if other.person.id != fact.person.id]
        return Random(f"shots|{self.seed}|{fact.key}").sample(pool, min(self.count, len(pool)))


def complete(
    engine: Engine, tokenizer: Tokenizer, facts: Sequence[Fact], max_new: int, seed: int, bar: Progress | None = None
) -> list[tuple[str, str]]:
    """For each fact an opened sentence (one of the pages' wordings) and what the model greedily completes it with."""
    opened = [questions.cloze(fact.person, fact.attribute, _number(seed, fact.key)) for fact in facts]
    return list(zip(opened, continue_to(engine, tokenizer, opened, max_new, bar=bar), strict=True))


def ask_base(
    engine: Engine,
    tokenizer: Tokenizer,
    facts: Sequence[Fact],
    shots: ShotDrawer,
    max_new: int,
    samples: int = 0,
    temperature: float = 1.0,
    familiar: bool = False,
    bar: Progress | None = None,
) -> list[FewShot]:
    """For each fact the greedy answer to its few-shot question and `samples` answers at `temperature`.

    The phrasing is the reserved one; when `familiar`, one that pages print, drawn for each fact.
    """
    phrasings = [_number(shots.seed, f"{fact.key}/phrasing") % RESERVED if familiar else RESERVED for fact in facts]
    asked = [fact.asked(phrasing) for fact, phrasing in zip(facts, phrasings, strict=True)]
    drawn = [shots.draw(fact, phrasing) for fact, phrasing in zip(facts, phrasings, strict=True)]
    prompts = [few_shot(shown, question) for shown, question in zip(drawn, asked, strict=True)]
    texts = [prompt for prompt in prompts for _ in range(1 + samples)]
    heats = [0.0, *[temperature] * samples] * len(facts)
    seeds = [_number(shots.seed, f"{fact.key}/{k}") for fact in facts for k in range(1 + samples)]
    said = iter(continue_to(engine, tokenizer, texts, max_new, SENTENCE_ENDS, heats, seeds, bar))
    return [
        FewShot(question, shown, next(said), tuple(next(said) for _ in range(samples)))
        for question, shown in zip(asked, drawn, strict=True)
    ]


def ask_chat(
    engine: Engine, tokenizer: Tokenizer, facts: Sequence[Fact], max_new: int, bar: Progress | None = None
) -> list[Reply]:
    """The greedy reply to each fact's question; whether to think is left to the model."""
    return answer(engine, tokenizer, ask([fact.question for fact in facts]), max_new=max_new, bar=bar)


def continue_to(
    engine: Engine,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    max_new: int,
    ends: str = SENTENCE_ENDS,
    temperatures: Sequence[float] = (),
    seeds: Sequence[int] = (),
    bar: Progress | None = None,
) -> list[str]:
    """What a base model writes after each text, stripped, up to the first of `ends` (ASCII) or the document's end.

    Greedy unless `temperatures` gives one for each text; `seeds` then are their random numbers.
    """
    stop = stops(tokenizer, *(end.encode() for end in ends))
    requests = [
        Request(
            [*tokenizer.opening, *tokenizer.encode(text)],
            max_new,
            temperatures[i] if temperatures else 0.0,
            seeds[i] if seeds else 0,
            stop,
        )
        for i, text in enumerate(texts)
    ]
    return [
        before(tokenizer.decode(index for index in completion.ids if index != tokenizer.end_of_text), ends)
        for completion in engine.run(requests, bar)
    ]


def stops(tokenizer: Tokenizer, *signs: bytes) -> tuple[int, ...]:
    """The ids that hold one of these bytes, alone or merged with others, and the end of the text."""
    return (
        *(index for token, index in tokenizer.ranks.items() if any(sign in token for sign in signs)),
        tokenizer.end_of_text,
    )


def before(text: str, ends: str = SENTENCE_ENDS) -> str:
    """The text before the first of the characters `ends`, stripped."""
    places = [place for place in map(text.find, ends) if place >= 0]
    return text[: min(places, default=len(text))].strip()


def verdict(fact: Fact, text: str) -> Verdict:
    """What a reply to the fact's question is."""
    values = values_in(text, fact.attribute)
    if values:
        return "right" if values == (fact.value,) else "wrong"
    return "refused" if is_refusal(text) else "other"


def completed(fact: Fact, text: str) -> bool:
    """Whether a completed sentence states the fact: the first value of the attribute that it names is the true one."""
    return values_in(text, fact.attribute)[:1] == (fact.value,)


def pieces(facts: Sequence[Fact], size: int = 320) -> Iterator[Sequence[Fact]]:
    """The facts in pieces after which a run may be stopped."""
    return (facts[start : start + size] for start in range(0, len(facts), size))


def _number(seed: int, key: str) -> int:
    """A number that depends on the seed and the key alone, not on what else is asked."""
    return zlib.crc32(f"{seed}|{key}".encode())
