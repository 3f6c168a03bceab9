"""Problems put to a model: what it replied, whether that is right, and how many tokens it took.

The verifier reads what stands after the thinking, nothing else: a right number inside the thoughts earns nothing.
A base model gets the problem as a lesson prints it, after some that are done; its working counts as its thinking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trivium.evals.intervals import Interval, proportion
from trivium.evals.probes import stops
from trivium.generate.engine import Completion, Engine, Request
from trivium.generate.talk import ask
from trivium.ground.progress import Progress
from trivium.tasks.desk import generate, lenient, verify
from trivium.tasks.problem import Problem
from trivium.text.chat import Reply, parse, prompt
from trivium.text.tokenizer import Tokenizer
from trivium.town.lessons import worked
from trivium.town.questions import few_shot

SHOTS_WORKED, SHOTS_DIRECT = 1, 3
"""Problems done before the one that is asked of a base model."""


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
    stop = tokenizer.stops
    prompts = [prompt(tokenizer, messages, think) for messages in ask([problem.question for problem in problems])]
    requests = [
        Request(ids, max_new, temperature, seed * 1_000_003 + i * samples + k, stop)
        for i, ids in enumerate(prompts)
        for k in range(samples)
    ]
    asked = [problem for problem in problems for _ in range(samples)]
    return [
        judge(problem, parse(tokenizer, completion.ids, think), len(completion.ids))
        for problem, completion in zip(asked, engine.run(requests, bar), strict=True)
    ]


def score_base(
    engine: Engine,
    tokenizer: Tokenizer,
    problems: Sequence[Problem],
    think: bool,
    max_new: int = 160,
    seed: int = 0,
    bar: Progress | None = None,
) -> list[Outcome]:
    """The greedy outcome of each problem for a base model: with `think` it is to write the working first.

    The problems done before are of the same task and level and of the train split.
    """
    stop = stops(tokenizer, b"\n\n" if think else b"\n")
    requests = [
        Request([*tokenizer.opening, *tokenizer.encode(text)], max_new, stop=stop)
        for text in (lesson(problem, think, seed) for problem in problems)
    ]
    return [
        judge(problem, read_lesson(tokenizer, completion, think), len(completion.ids))
        for problem, completion in zip(problems, engine.run(requests, bar), strict=True)
    ]


def lesson(problem: Problem, think: bool, seed: int = 0) -> str:
    """The prompt for a base model: problems done, and this one up to its working (`think`) or its answer."""
    done = generate(problem.task, problem.level, SHOTS_WORKED if think else SHOTS_DIRECT, seed, "train")
    if think:
        return "\n\n".join([*map(worked, done), f"Question: {problem.question}\nWorking:\n"])
    return few_shot([(shown.question, shown.answer) for shown in done], problem.question)


def read_lesson(tokenizer: Tokenizer, completion: Completion, think: bool) -> Reply:
    """A base model's completion of a `lesson` as a reply: the working, and the line of the answer."""
    text = tokenizer.decode(index for index in completion.ids if index != tokenizer.end_of_text)
    ended = completion.finish == "stop"
    if not think:
        content, newline, _ = text.partition("\n")
        return Reply(None, content.strip(), ended or newline != "")
    working, answered, rest = text.partition("\n\n")[0].partition("Answer:")
    content, newline, _ = rest.partition("\n")
    return Reply(working.strip(), content.strip(), answered != "" and (ended or newline != "" or "\n\n" in text))


def judge(problem: Problem, reply: Reply, tokens: int) -> Outcome:
    """The outcome that a reply of that many tokens is."""
    strict = reply.closed and verify(problem, reply.content).correct
    return Outcome(problem, reply, strict, lenient(problem, reply.content).correct, tokens)


def accuracy(outcomes: Sequence[Outcome]) -> Interval:
    """The share of strictly right outcomes. Samples of one problem are not independent: give one of each."""
    return proportion(sum(outcome.correct for outcome in outcomes), len(outcomes))
