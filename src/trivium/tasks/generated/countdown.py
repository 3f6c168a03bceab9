"""Countdown: reach a number from three or four given ones. Solvable by construction; any way there is right.

The working tries a few ways that fail and then one that does not, so that a model learns to look on after a failure.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from trivium.tasks.problem import Problem, named

DIALS = {1: (3, 9), 2: (3, 25), 3: (3, 99), 4: (4, 9), 5: (4, 25), 6: (4, 99)}
"""By level: how many numbers, and the largest."""
HIGHEST = 999
TRIES = 3
"""Most failed ways in a working."""


@dataclass(frozen=True)
class Way:
    """Numbers joined two by two until one is left."""

    steps: tuple[str, ...]
    """`3*9=27`, `27-5=22`."""
    value: int
    expression: str


def countdown(rng: Random, level: int) -> Problem:
    """Every number is to be used exactly once."""
    return _drawn(rng, level, "countdown", exactly=True)


def countdown_any(rng: Random, level: int) -> Problem:
    """Each number may be used once or not at all; one of them is not needed."""
    return _drawn(rng, level, "countdown-any", exactly=False)


def _drawn(rng: Random, level: int, task: str, exactly: bool) -> Problem:
    count, largest = DIALS[level]
    while True:
        numbers = [rng.randint(1, largest) for _ in range(count)]
        way = joined(rng, numbers if exactly else numbers[:-1])
        if way.value not in numbers and 0 < way.value <= HIGHEST:
            break
    tries = [joined(rng, numbers if exactly else rng.sample(numbers, count - 1)) for _ in range(rng.randint(0, TRIES))]
    lines = [f"{' '.join(one.steps)} no" for one in tries if one.value != way.value]
    rng.shuffle(numbers)
    rule = "Use each number exactly once" if exactly else "Use each number at most once"
    listed = f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
    question = f"Make {way.value} from {listed}. {rule}, with + - * / and brackets."
    return Problem(
        task,
        named(task, f"{way.value}|{sorted(numbers)}"),
        question,
        way.expression,
        "\n".join([*lines, f"{' '.join(way.steps)} yes"]),
        level,
        json.dumps({"numbers": sorted(numbers), "target": way.value, "exactly": exactly}),
    )


def joined(rng: Random, numbers: list[int]) -> Way:
    """A random way: two numbers at a time, never below 0, divisions without a rest."""
    pool = [(value, str(value), 3) for value in numbers]
    steps = []
    while len(pool) > 1:
        left = pool.pop(rng.randrange(len(pool)))
        right = pool.pop(rng.randrange(len(pool)))
        if left[0] < right[0]:
            left, right = right, left
        (a, left_text, left_binds), (b, right_text, right_binds) = left, right
        sign = rng.choice([sign for sign, fits in FITS.items() if fits(a, b)])
        value = {"+": a + b, "-": a - b, "*": a * b, "/": a // b if b else 0}[sign]
        steps.append(f"{a}{sign}{b}={value}")
        binds = 1 if sign in "+-" else 2
        left_text = f"({left_text})" if left_binds < binds else left_text
        right_text = f"({right_text})" if right_binds < binds or (right_binds == binds and sign in "-/") else right_text
        pool.append((value, f"{left_text}{sign}{right_text}", binds))
    return Way(tuple(steps), pool[0][0], pool[0][1])


FITS: dict[str, Callable[[int, int], bool]] = {
    "+": lambda a, b: True,
    "-": lambda a, b: a >= b,
    "*": lambda a, b: a * b <= HIGHEST,
    "/": lambda a, b: b > 1 and a % b == 0,
}
"""Which steps are worth writing, with a >= b."""


def numbers_used(problem: Problem) -> dict[str, int]:
    """How hard it is: how many numbers, the largest of them, and the ways that the working tries."""
    key = json.loads(problem.key)
    return {
        "numbers": len(key["numbers"]),
        "largest": max(key["numbers"]),
        "tries": len(problem.thought.splitlines()),
    }
