"""Putting numbers or words in order. The working takes the smallest out again and again."""

from __future__ import annotations

from random import Random

from trivium.tasks.generated.words import WORDS
from trivium.tasks.problem import Problem, named


def sorting(rng: Random, level: int) -> Problem:
    """`level` + 2 different numbers below 100 (from level 5 on below 1000), to be sorted up or down."""
    down = rng.random() < 0.5
    numbers = rng.sample(range(100 if level < 5 else 1000), level + 2)
    order = sorted(numbers, reverse=down)
    while numbers == order:  # whoever repeats the question earns nothing
        rng.shuffle(numbers)
    listed = " ".join(map(str, numbers))
    question = f"Sort {listed} from {'large to small' if down else 'small to large'}."
    key = f"{down}|{sorted(numbers)}"
    return _problem("sorting", key, question, list(map(str, numbers)), list(map(str, order)), level)


def alphabet(rng: Random, level: int) -> Problem:
    """`level` + 2 different words, to be put in alphabetical order."""
    words = rng.sample(WORDS, level + 2)
    while words == sorted(words):
        rng.shuffle(words)
    question = f"Put these words in alphabetical order: {' '.join(words)}."
    return _problem("alphabet", f"{sorted(words)}", question, list(words), sorted(words), level)


def _problem(task: str, key: str, question: str, given: list[str], order: list[str], level: int) -> Problem:
    return Problem(task, named(task, key), question, " ".join(order), taking_out(given, order), level)


def taking_out(given: list[str], order: list[str]) -> str:
    """The working, one line for each item: those that are left, and which of them comes next."""
    left, lines = list(given), []
    for item in order:
        lines.append(f"{' '.join(left)}: {item}")
        left.remove(item)
    return "\n".join(lines)


def items(problem: Problem) -> dict[str, int]:
    """How hard it is: how many items."""
    return {"items": len(problem.answer.split())}
