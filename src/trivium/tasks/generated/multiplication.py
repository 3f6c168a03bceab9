"""Products of whole numbers, from 1x1 to 4x4 digits, with a working that goes digit by digit.

One line for each digit of the second number and one for each sum, in which every entry needs only two digits and what
was carried from the entry before it: `1234*6: 24 20 14 7 (7404)` has 4*6=24, 3*6+2=20, 2*6+2=14, 1*6+1=7, and the
bracket is read off backwards: all of the last entry, then the last digits. Written-out partial products with running
sums are what lets small transformers multiply at all (after "Implicit Chain of Thought", arXiv 2311.01460, and
"Why can't transformers learn multiplication?", arXiv 2510.00184).
"""

from __future__ import annotations

from itertools import zip_longest
from random import Random

from trivium.tasks.problem import Problem, identity

SHAPES = {1: (1, 1), 2: (2, 1), 3: (2, 2), 4: (3, 2), 5: (3, 3), 6: (4, 3), 7: (4, 4)}
"""Digits of the two numbers by level: one digit more a level."""


def multiplication(rng: Random, level: int) -> Problem:
    """A product of numbers of as many digits as SHAPES says (single digits go from 0, others have no leading zero)."""
    a, b = (rng.randrange(0 if n == 1 else 10 ** (n - 1), 10**n) for n in SHAPES[level])
    question = f"What is {a}*{b}?"
    working = product_working(a, b)
    return Problem("multiplication", identity("multiplication", question), question, str(a * b), working, level)


def product_working(a: int, b: int) -> str:
    """The working of a*b: partial products, each added to the sum so far; the last bracket is the product."""
    lines, so_far = [], 0
    for place, digit in enumerate(reversed(str(b))):
        partial = a * int(digit) * 10**place
        zeros = "0" * place
        lines.append(f"{a}*{digit}{zeros}: {_columns(a, int(digit), place)} ({partial})")
        if place:
            lines.append(f"{so_far}+{partial}: {_carried(so_far, partial)} ({so_far + partial})")
        so_far += partial
    return "\n".join(lines)


def _columns(a: int, digit: int, zeros: int) -> str:
    """What each digit of `a` times `digit` comes to with what was carried, from the right; first the zeros, as `0`."""
    entries, carry = ["0"] * zeros, 0
    for one in reversed(str(a)):
        entries.append(str(int(one) * digit + carry))
        carry = int(entries[-1]) // 10
    return " ".join(entries)


def _carried(a: int, b: int) -> str:
    """What each column of a+b comes to with what was carried, from the right."""
    entries, carry = [], 0
    for x, y in zip_longest(reversed(str(a)), reversed(str(b)), fillvalue="0"):
        entries.append(str(int(x) + int(y) + carry))
        carry = int(entries[-1]) // 10
    return " ".join(entries)


def shape(problem: Problem) -> dict[str, int]:
    """How hard it is: the digits of the two numbers."""
    a, b = problem.question.removeprefix("What is ").removesuffix("?").split("*")
    return {"digits_a": len(a), "digits_b": len(b)}
