"""All tasks by name: draw problems of a split, and judge an answer, strictly or leniently.

A verifier must not be talked into a reward: it reads plain ASCII, wants the answer and nothing else, and several
answers are a wrong answer even when the right one is among them (the "set, not any" rule).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from trivium.ground.errors import ConfigError
from trivium.tasks.arithmetic import addition, comparison
from trivium.tasks.letters import counting, reversal, spelling, tally
from trivium.tasks.problem import Problem, Split, Verdict, split_of

LONGEST = 400
"""Characters that an answer may have at most: whoever needs more is not answering."""
LONGEST_WITH_THINKING = 100_000
"""Characters that an answer may have with the thinking before it. Nothing is ever cut off and then judged."""
WHOLE = re.compile(r"(0|[1-9][0-9]{0,30})\.?")
DECIMAL = re.compile(r"((?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?)\.?")
LETTERS = re.compile(r"([A-Za-z](?:([ -]?)[A-Za-z](?:\2[A-Za-z])*)?)\.?")
NUMBERS_WITHIN = re.compile(r"(?<![0-9A-Za-z.])[+-]?[0-9]+(?:\.[0-9]+)*(?![0-9A-Za-z])")
SPELT_WITHIN = re.compile(r"(?<![A-Za-z])[A-Za-z](?:[ -][A-Za-z])+(?![A-Za-z])")


@dataclass(frozen=True)
class Task:
    """A kind of problem: how one is drawn at a level, which levels it has, and what its answers look like."""

    name: str
    draw: Callable[[Random, int], Problem]
    levels: tuple[int, ...]
    answer: re.Pattern[str]


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("addition", addition, tuple(range(1, 11)), WHOLE),
        Task("comparison", comparison, (1, 2, 3), DECIMAL),
        Task("counting", counting, (1, 2, 3), WHOLE),
        Task("tally", tally, (1, 2, 3), WHOLE),
        Task("spelling", spelling, (1, 2, 3), LETTERS),
        Task("reversal", reversal, (1, 2, 3), LETTERS),
    )
}


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
    answer, a unit or a word make it wrong.
    """
    content = _after_thinking(text)
    match = TASKS[problem.task].answer.fullmatch(content) if content is not None else None
    return _judge(problem, match.group(1)) if match else Verdict(False, None)


def lenient(problem: Problem, text: str) -> Verdict:
    """The lenient verdict, to tell skill from format: words around the answer are allowed, a second answer is not.

    Numbers that the question holds may be repeated, so `347+285=632` passes, unless the answer is one of them.
    """
    content = _after_thinking(text)
    if content is None:
        return Verdict(False, None)
    if TASKS[problem.task].answer is LETTERS:
        given = {_letters(found) for found in SPELT_WITHIN.findall(content)}
        strict = verify(problem, text)
        return strict if not given else _only(problem, given)
    given = {found.removesuffix(".") for found in NUMBERS_WITHIN.findall(content)}
    asked = set(NUMBERS_WITHIN.findall(problem.question)) | set(re.findall(r"[0-9]+", problem.question))
    return _only(problem, given - asked if problem.answer not in asked else given)


def _only(problem: Problem, given: set[str]) -> Verdict:
    return _judge(problem, next(iter(given))) if len(given) == 1 else Verdict(False, None)


def _judge(problem: Problem, given: str) -> Verdict:
    if TASKS[problem.task].answer is LETTERS:
        return Verdict(_letters(given) == _letters(problem.answer), _letters(given))
    return Verdict(given == problem.answer, given)


def _letters(spelt: str) -> str:
    return " ".join(letter for letter in spelt.lower() if letter not in " -")


def _after_thinking(text: str) -> str | None:
    if len(text) > LONGEST_WITH_THINKING:
        return None
    text = text.strip(" \t\r\n")
    if text.startswith("<think>"):
        _, closed, text = text.partition("</think>")
        if not closed:
            return None
    if "think>" in text or len(text) > LONGEST:
        return None
    return text.strip(" \t\r\n")
