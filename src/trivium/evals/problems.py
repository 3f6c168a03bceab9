"""Problems put to a chat model: what it replied, whether that is right, and how many tokens it took.

The verifier reads what stands after the thinking, nothing else: a right number inside the thoughts earns nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trivium.evals.intervals import Interval, proportion
from trivium.generate.engine import Engine, Request
from trivium.generate.talk import ask
from trivium.ground.progress import Progress
from trivium.tasks.problem import Problem
from trivium.tasks.registry import lenient, verify
from trivium.text.chat import Reply, parse, prompt
from trivium.text.tokenizer import END_OF_TEXT, TURN_END, Tokenizer


@dataclass(frozen=True)
class Outcome:
    """One reply to one problem."""

    problem: Problem
    reply: Reply
    correct: bool
    """The strict verdict: the turn was ended, and what follows the thinking is the right answer and nothing else."""
    lenient: bool
    """The verdict that allows words around the answer and a turn that was cut off: skill apart from form."""
    tokens: int
    """Tokens generated: thinking, tags and the end of the turn included."""


def score(
    engine: Engine,
    tokenizer: Tokenizer,
    problems: Sequence[Problem],
    think: bool | None = None,
    max_new: int = 160,
    temperature: float = 0.0,
    seed: int = 0,
    samples: int = 1,
    bar: Progress | None = None,
) -> list[Outcome]:
    """`samples` outcomes for each problem, those of one problem side by side, in the order of the problems.

    `think` True or False opens or forbids thinking; None leaves it to the model. Each sample has its own seed.
    """
    stop = (tokenizer.special[TURN_END], tokenizer.special[END_OF_TEXT])
    prompts = [prompt(tokenizer, messages, think) for messages in ask([problem.question for problem in problems])]
    requests = [Request(ids, max_new, temperature, seed * 1_000_003 + i * samples + k, stop)
                for i, ids in enumerate(prompts) for k in range(samples)]
    asked = [problem for problem in problems for _ in range(samples)]
    return [judge(problem, parse(tokenizer, completion.ids, think), len(completion.ids))
            for problem, completion in zip(asked, engine.run(requests, bar), strict=True)]


def judge(problem: Problem, reply: Reply, tokens: int) -> Outcome:
    """The outcome that a reply of that many tokens is."""
    strict = reply.closed and verify(problem, reply.content).correct
    return Outcome(problem, reply, strict, lenient(problem, reply.content).correct, tokens)


def accuracy(outcomes: Sequence[Outcome]) -> Interval:
    """The share of strictly right outcomes. Samples of one problem are not independent: give one of each."""
    return proportion(sum(outcome.correct for outcome in outcomes), len(outcomes))
