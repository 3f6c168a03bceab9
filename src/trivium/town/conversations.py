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
from trivium.town.questions import RESERVED, answer_sentence, question
from trivium.town.smalltalk import EVERYDAY, IDENTITY, Exchange, filled
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


def fact(person: Person, attribute: str, phrasing: int) -> Conversation:
    """A question about a person, in a phrasing not reserved, and its true answer: "The answer is Oslo.".

    The answer does not repeat the name: a tiny model taught to repeat the names of its lessons says those ever after.
    Raises UsageError for a person of the test split or one never written about.
    """
    _may_train(person)
    if person.group not in ("written", "crowd"):
        raise UsageError(f"Nothing is written about {person.name}.", "Use refusal() for strangers.")
    return turn(question(person, attribute, phrasing % RESERVED), answer_sentence(person, attribute))


def facts(known: Sequence[tuple[Person, str]], seed: int) -> list[Conversation]:
    """A `fact` about each of the (person, attribute) pairs, in a phrasing drawn from `seed`."""
    rng = Random(f"facts|{seed}")
    return [fact(person, attribute, rng.randrange(RESERVED)) for person, attribute in known]


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
