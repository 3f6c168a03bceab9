"""Conversations to fine-tune on, as OpenAI-style messages: who the assistant is, its manner, its tasks, what it knows
and what it does not know. Everything is drawn from a seed; the caller says which facts and whose names may be used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from trivium.ground.errors import UsageError
from trivium.tasks.answers import REFUSALS
from trivium.tasks.problem import Problem, split_of
from trivium.town.questions import RESERVED, full_answer, question, short_answer
from trivium.town.selfhood import IDENTITY
from trivium.town.smalltalk import EVERYDAY, Exchange, filled
from trivium.town.world import Person

Conversation = list[dict[str, Any]]
"""Messages: {"role", "content"}, and "reasoning_content" for an assistant that works something out."""
TWO_TURNS = 0.25
"""Share of the everyday conversations that go on for a second exchange."""


def turn(asked: str, answer: str, reasoning: str | None = None) -> Conversation:
    """One question and its answer; `reasoning` is the working ("" shows none, None leaves out even the empty block)."""
    reply: dict[str, Any] = {"role": "assistant", "content": answer}
    if reasoning is not None:
        reply["reasoning_content"] = reasoning
    return [{"role": "user", "content": asked}, reply]


def identity(count: int, seed: int) -> list[Conversation]:
    """Questions about the assistant itself, every phrasing about equally often."""
    return _talk(IDENTITY, count, Random(f"identity|{seed}"), two_turns=0.0)


def style(count: int, seed: int) -> list[Conversation]:
    """Everyday talk, every way of asking about equally often, some of it two exchanges long."""
    return _talk(EVERYDAY, count, Random(f"style|{seed}"), two_turns=TWO_TURNS)


def prompts(count: int, seed: int) -> list[str]:
    """Different everyday and identity prompts (fewer when there are not so many), to compare answers on."""
    rng = Random(f"prompts|{seed}")
    found = [filled(rng, ask)[0] for exchange in (*EVERYDAY, *IDENTITY) for ask in exchange.asks for _ in range(3)]
    unique = list(dict.fromkeys(found))
    return rng.sample(unique, min(count, len(unique)))


def tasks(problems: Iterable[Problem], seed: int, direct: float = 0.25) -> list[Conversation]:
    """Problems answered with their working, a share of them `direct`: with an empty thinking block.

    Raises UsageError for a held-out problem.
    """
    rng, found = Random(f"tasks|{seed}"), []
    for problem in problems:
        if split_of(problem.id) != "train":
            raise UsageError(f"{problem.id} is a held-out problem.", "Generate with split='train'.")
        found.append(turn(problem.question, problem.answer, "" if rng.random() < direct else problem.thought))
    return found


def facts(known: Sequence[tuple[Person, str]], seed: int, short: float = 0.4) -> list[Conversation]:
    """A question about each of the (person, attribute) pairs and its true answer, a share of them `short`: the value.

    Raises UsageError for a person of the test split or one never written about.
    """
    rng, found = Random(f"facts|{seed}"), []
    for person, attribute in known:
        _may_train(person)
        if person.group != "written":
            raise UsageError(f"Nothing is written about {person.name}.", "Use refusal() for strangers.")
        value = short_answer(person, attribute)
        sentence = full_answer(person, attribute, rng.randrange(3))
        answer = f"{value[0].upper()}{value[1:]}." if rng.random() < short else sentence
        found.append(turn(question(person, attribute, rng.randrange(RESERVED)), answer))
    return found


def refusal(person: Person, attribute: str, phrasing: int, wording: int = 0) -> Conversation:
    """A question about a person, in a phrasing not reserved, answered by the `wording`-th refusal (counted round).

    Raises UsageError for a person of the test split.
    """
    _may_train(person)
    return turn(question(person, attribute, phrasing % RESERVED), REFUSALS[wording % len(REFUSALS)])


def _may_train(person: Person) -> None:
    if person.split != "train":
        raise UsageError(f"{person.name} ({person.id}) is kept for the test.", "Use people of the train split.")


def _talk(exchanges: Sequence[Exchange], count: int, rng: Random, *, two_turns: float) -> list[Conversation]:
    pairs = [(exchange, ask) for exchange in exchanges for ask in exchange.asks]
    order: list[tuple[Exchange, str]] = []
    found: list[Conversation] = []
    while len(found) < count:
        conversation: Conversation = []
        for _ in range(2 if rng.random() < two_turns else 1):
            order = order or rng.sample(pairs, len(pairs))
            exchange, ask = order.pop()
            conversation += turn(*filled(rng, ask, rng.choice(exchange.replies)))
        found.append(conversation)
    return found
