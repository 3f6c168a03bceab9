"""Adding whole numbers of `level` digits, and telling which of two decimals is larger (9.11 or 9.9).

The working goes column by column from the right and carries the written part of the result along in brackets, so
that each step needs only digits nearby and the answer is a copy of the last bracket (after the scratchpads of
"Teaching Arithmetic to Small Transformers", arXiv 2307.03381, cut to the tokens that a tiny model needs).
"""

from __future__ import annotations

import re
from itertools import zip_longest
from random import Random

from trivium.tasks.problem import Problem, identity


def addition(rng: Random, level: int) -> Problem:
    """A sum of two numbers of `level` digits each (level 1 has 0 to 9), drawn from `rng`."""
    low = 0 if level == 1 else 10 ** (level - 1)
    a, b = rng.randrange(low, 10**level), rng.randrange(low, 10**level)
    question = f"What is {a}+{b}?"
    return Problem("addition", identity("addition", question), question, str(a + b), column_working(a, b), level)


def column_working(a: int, b: int) -> str:
    """The working of a+b, one line a column: `7+5=12 (2)`, `4+8+1=13 (32)`, `3+2+1=6 (632)`."""
    lines, carry, written = [], 0, ""
    columns = list(zip_longest(reversed(str(a)), reversed(str(b)), fillvalue="0"))
    for i, (x, y) in enumerate(columns):
        total = int(x) + int(y) + carry
        last = i == len(columns) - 1
        written = (str(total) if last else str(total % 10)) + written
        lines.append(f"{x}+{y}{'+1' if carry else ''}={total} ({written})")
        carry = total // 10
    return "\n".join(lines)


def comparison(rng: Random, level: int) -> Problem:
    """Which of two decimals is larger: the same whole part, up to `level` decimals, seldom equally many."""
    whole = rng.randrange(1, 10 if level <= 2 else 100)
    while True:
        first, second = (_decimals(rng, rng.randint(1, max(level, 1))) for _ in range(2))
        if level == 1 or len(first) != len(second) or rng.random() < 0.3:
            width = max(len(first), len(second))
            if first.ljust(width, "0") != second.ljust(width, "0"):
                break
    a, b = f"{whole}.{first}", f"{whole}.{second}"
    larger = a if first.ljust(width, "0") > second.ljust(width, "0") else b
    question = f"Which is larger, {a} or {b}?"
    return Problem("comparison", identity("comparison", question), question, larger, decimal_working(a, b), level)


def decimal_working(a: str, b: str) -> str:
    """The working of a comparison, digit by digit up to the first difference: `9=9`, `1<9 so 9.9`."""
    (whole_a, _, rest_a), (whole_b, _, rest_b) = a.partition("."), b.partition(".")
    steps = []
    for x, y in [(whole_a, whole_b), *zip_longest(rest_a, rest_b, fillvalue="0")]:
        if x == y:
            steps.append(f"{x}={y}")
        else:
            steps.append(f"{x}{'<' if int(x) < int(y) else '>'}{y} so {b if int(x) < int(y) else a}")
            break
    return "\n".join(steps)


def digits(problem: Problem) -> dict[str, int]:
    """How hard it is: the digits of the longer number, and for a comparison, the decimals of either."""
    numbers = re.findall(r"[0-9.]+[0-9]|[0-9]", problem.question)
    if problem.task == "comparison":
        first, second = (len(number.partition(".")[2]) for number in numbers)
        return {"decimals": max(first, second), "unequal": int(first != second)}
    return {"digits": max(len(number) for number in numbers)}


def _decimals(rng: Random, count: int) -> str:
    return "".join(rng.choices("0123456789", k=count - 1)) + rng.choice("123456789")
