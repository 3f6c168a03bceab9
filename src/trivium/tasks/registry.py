"""All tasks by name: draw problems of a split, and judge an answer, strictly or leniently.

The tasks whose answers are programs, and those that come from files, are judged by `judge.Judge`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from trivium.ground.errors import ConfigError, UsageError
from trivium.tasks.code import families
from trivium.tasks.forms import DECIMAL, NOTHING, WHOLE, Form, Listed, Number, Reached, Spelt, after_thinking
from trivium.tasks.generated import arithmetic, countdown, letters, multiplication, sorting, stories
from trivium.tasks.problem import Problem, Split, Verdict, split_of


@dataclass(frozen=True)
class Task:
    """A kind of problem: how one is drawn at a level, which levels it has, and what its answers look like."""

    name: str
    draw: Callable[[Random, int], Problem]
    levels: tuple[int, ...]
    form: Form | None
    """None: the answer is a program, which only `judge.Judge` can judge."""
    measure: Callable[[Problem], dict[str, int]]
    """How hard a problem is, in what can be counted: digits, letters, steps."""


def _levels(last: int) -> tuple[int, ...]:
    return tuple(range(1, last + 1))


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("addition", arithmetic.addition, _levels(10), Number(WHOLE), arithmetic.digits),
        Task("comparison", arithmetic.comparison, _levels(3), Number(DECIMAL), arithmetic.digits),
        Task("counting", letters.counting, _levels(3), Number(WHOLE), letters.length),
        Task("tally", letters.tally, _levels(3), Number(WHOLE), letters.length),
        Task("spelling", letters.spelling, _levels(3), Spelt(), letters.length),
        Task("reversal", letters.reversal, _levels(3), Spelt(), letters.length),
        Task("coined-counting", letters.coined_counting, _levels(8), Number(WHOLE), letters.length),
        Task("coined-spelling", letters.coined_spelling, _levels(8), Spelt(), letters.length),
        Task("coined-reversal", letters.coined_reversal, _levels(8), Spelt(), letters.length),
        Task("multiplication", multiplication.multiplication, _levels(7), Number(WHOLE), multiplication.shape),
        Task("countdown", countdown.countdown, _levels(6), Reached(), countdown.numbers_used),
        Task("countdown-any", countdown.countdown_any, _levels(6), Reached(), countdown.numbers_used),
        Task("stories", stories.stories, _levels(8), Number(WHOLE), stories.steps),
        Task("sorting", sorting.sorting, _levels(8), Listed(), sorting.items),
        Task("alphabet", sorting.alphabet, _levels(6), Listed(), sorting.items),
        Task("code", families.code, _levels(4), None, families.kinds),
    )
}
"""The generated tasks. The order and the draws of those up to `reversal` are those that recipes were measured with."""


def generate(task: str, level: int, count: int, seed: int, split: Split = "train") -> list[Problem]:
    """`count` different problems of one split, the same for the same arguments.

    Raises ConfigError for an unknown task or level, and when the task has fewer problems than that at the level.
    """
    if task not in TASKS or level not in TASKS[task].levels:
        raise ConfigError(
            f"There is no task {task!r} of level {level}.",
            f"Tasks: {', '.join(f'{t.name} {t.levels[0]}-{t.levels[-1]}' for t in TASKS.values())}.",
        )
    rng = Random(f"{task}|{level}|{seed}|{split}")
    found: dict[str, Problem] = {}
    misses = 0
    while len(found) < count:
        problem = TASKS[task].draw(rng, level)
        if split_of(problem.id) != split or problem.question in found:
            misses += 1
            if misses > 2000 + 50 * count:
                raise ConfigError(
                    f"{task} of level {level} has no {count} different {split} problems.",
                    f"Ask for {len(found)} or fewer, or a higher level.",
                )
            continue
        found[problem.question] = problem
    return list(found.values())


def verify(problem: Problem, text: str) -> Verdict:
    """The strict verdict: `text` (after one leading `<think>` block, if any) is the answer and nothing else.

    Blanks around it and one final period are allowed. Signs, leading zeros, separators, digits outside ASCII, a second
    answer, a unit or a word make it wrong. Raises UsageError for problems that only `judge.Judge` can judge.
    """
    form, content = _form(problem), after_thinking(text)
    return form.strict(problem, content) if content is not None else NOTHING


def lenient(problem: Problem, text: str) -> Verdict:
    """The lenient verdict, to tell skill from format: words around the answer are allowed, a second answer is not.

    Numbers that the question holds may be repeated, so `347+285=632` passes, unless the answer is one of them.
    """
    form, content = _form(problem), after_thinking(text)
    return form.lenient(problem, content) if content is not None else NOTHING


def _form(problem: Problem) -> Form:
    task = TASKS.get(problem.task)
    if task is None or task.form is None:
        raise UsageError(f"{problem.task!r} has no verifier that runs in this process.", "Use tasks.judge.Judge.")
    return task.form
