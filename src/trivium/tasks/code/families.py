"""Simple programs to write, put together from small parts: numbers, what comes of a list, a list of a list, texts.

Each part has its words, its Python and a function of ours that says what is right, so the hidden cases need no model
solution to be run. A family's parts make thousands of problems; each has twelve hidden cases from its own id.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from trivium.tasks.problem import Problem, named

CASES = 12
"""Hidden cases of a problem."""
Inputs = Callable[[Random], list[Any]]


@dataclass(frozen=True)
class Wanted:
    """A function to write."""

    words: str
    """What it returns."""
    argument: str
    source: str
    """A right program."""
    right: Callable[[Any], Any]
    inputs: Inputs
    parts: int
    """How many parts it is made of."""


@dataclass(frozen=True)
class Part:
    """One piece of a function: its words, its Python with `x` for what it works on, and what it does."""

    words: str
    python: str
    does: Callable[[Any], Any]


def code(rng: Random, level: int) -> Problem:
    """Level 1: a number of a number. 2: a number of a list. 3: a list of a list. 4: something of a text."""
    while True:
        wanted = FAMILIES[level](rng)
        problem_id = named("code", wanted.words)
        shown, *hidden = cases(wanted, problem_id)
        if telling(hidden):
            break
    question = (
        f"Write a Python function solve({wanted.argument}) that returns {wanted.words}. "
        f"For example, solve({shown[0]!r}) is {shown[1]!r}."
    )
    key = {
        "function": "solve",
        "cases": [{"arguments": [given], "answer": answer} for given, answer in [shown, *hidden]],
        "parts": wanted.parts,
    }
    return Problem("code", problem_id, question, wanted.source, wanted.words, level, json.dumps(key))


def cases(wanted: Wanted, problem_id: str) -> list[tuple[Any, Any]]:
    """The cases of a problem, the same for each of its ids: the first one may be shown."""
    rng = Random(f"cases|{problem_id}")
    inputs = wanted.inputs(rng)
    rng.shuffle(inputs)
    inputs.sort(key=lambda one: not one or not wanted.right(one))  # nothing is a poor example to show
    return [(one, wanted.right(one)) for one in inputs]


def telling(hidden: Sequence[tuple[Any, Any]]) -> bool:
    """Whether neither a function that always gives the same nor one that gives back what it gets is right here."""
    return len({json.dumps(answer) for _, answer in hidden}) > 1 and any(given != answer for given, answer in hidden)


def kinds(problem: Problem) -> dict[str, int]:
    """How hard it is: the parts that the function is made of."""
    return {"parts": json.loads(problem.key)["parts"]}


def _numbers(rng: Random) -> Wanted:
    a, b = rng.randint(2, 9), rng.randint(2, 30)
    part = rng.choice(
        (
            Part(f"{a} times x plus {b}", f"{a} * x + {b}", lambda x: a * x + b),
            Part(f"the difference between x and {b}, never below 0", f"abs(x - {b})", lambda x: abs(x - b)),
            Part(f"x, but at least {-b} and at most {a}", f"max({-b}, min({a}, x))", lambda x: max(-b, min(a, x))),
            Part(f"x squared minus {b}", f"x * x - {b}", lambda x: x * x - b),
            Part(f"the larger of x and {b}", f"max(x, {b})", lambda x: max(x, b)),
            Part(
                f"{b} if x is divisible by {a}, and x otherwise",
                f"{b} if x % {a} == 0 else x",
                lambda x: b if x % a == 0 else x,
            ),
            Part(f"True if x is more than {b}, and False otherwise", f"x > {b}", lambda x: x > b),
            Part(
                f"{a} times the sum of the whole numbers from 1 to x, and 0 if x is below 1",
                f"{a} * sum(range(1, x + 1))",
                lambda x: a * sum(range(1, x + 1)),
            ),
        )
    )
    return Wanted(part.words, "x", f"def solve(x):\n    return {part.python}", part.does, _integers, 1)


def _keep(rng: Random) -> Part:
    k = rng.randint(2, 9)
    low = rng.randint(-9, 20)
    return rng.choice(
        (
            Part("even numbers", "x % 2 == 0", lambda x: x % 2 == 0),
            Part("odd numbers", "x % 2 != 0", lambda x: x % 2 != 0),
            Part(f"numbers above {low}", f"x > {low}", lambda x: x > low),
            Part(f"numbers below {low}", f"x < {low}", lambda x: x < low),
            Part(f"numbers divisible by {k}", f"x % {k} == 0", lambda x: x % k == 0),
            Part("negative numbers", "x < 0", lambda x: x < 0),
        )
    )


def _change(rng: Random) -> Part:
    k = rng.randint(2, 12)
    return rng.choice(
        (
            Part("", "x", lambda x: x),
            Part("the squares of ", "x * x", lambda x: x * x),
            Part(f"{k} times each of ", f"{k} * x", lambda x: k * x),
            Part(f"{k} more than each of ", f"x + {k}", lambda x: x + k),
            Part("the absolute values of ", "abs(x)", abs),
        )
    )


def _reduced(rng: Random) -> Wanted:
    keep, change = _keep(rng), _change(rng)
    end = rng.choice(
        (
            Part("the sum of ", "sum({})", sum),
            Part("the largest of ", "max({}, default=0)", lambda xs: max(xs, default=0)),
            Part("the smallest of ", "min({}, default=0)", lambda xs: min(xs, default=0)),
            Part("how many different values there are among ", "len(set({}))", lambda xs: len(set(xs))),
        )
    )
    body = end.python.format(f"[{change.python} for x in xs if {keep.python}]")
    words = f"{end.words}{change.words}the {keep.words} in the list xs, and 0 if there are none"
    return Wanted(
        words,
        "xs",
        f"def solve(xs):\n    return {body}",
        lambda xs: end.does([change.does(x) for x in xs if keep.does(x)]),
        _lists,
        2 + (change.words != ""),
    )


def _listed(rng: Random) -> Wanted:
    keep, change = _keep(rng), _change(rng)
    order = rng.choice(
        (
            Part(", in the order of xs", "{}", lambda xs: xs),
            Part(", from small to large", "sorted({})", sorted),
            Part(", from large to small", "sorted({}, reverse=True)", lambda xs: sorted(xs, reverse=True)),
            Part(", last one first", "{}[::-1]", lambda xs: xs[::-1]),
            Part(", each value once, from small to large", "sorted(set({}))", lambda xs: sorted(set(xs))),
        )
    )
    body = order.python.format(f"[{change.python} for x in xs if {keep.python}]")
    return Wanted(
        f"a list of {change.words}the {keep.words} in the list xs{order.words}",
        "xs",
        f"def solve(xs):\n    return {body}",
        lambda xs: order.does([change.does(x) for x in xs if keep.does(x)]),
        _lists,
        2 + (change.words != ""),
    )


def _words_kept(rng: Random) -> Part:
    k, letter = rng.randint(2, 6), rng.choice("aeiourstnl")
    return rng.choice(
        (
            Part("", "True", lambda w: True),
            Part(f" that have more than {k} letters", f"len(w) > {k}", lambda w: len(w) > k),
            Part(f" that have fewer than {k} letters", f"len(w) < {k}", lambda w: len(w) < k),
            Part(f" that contain the letter {letter}", f"'{letter}' in w", lambda w: letter in w),
            Part(f" without the letter {letter}", f"'{letter}' not in w", lambda w: letter not in w),
            Part(f" that end in {letter}", f"w.endswith('{letter}')", lambda w: w.endswith(letter)),
        )
    )


def _texts(rng: Random) -> Wanted:
    keep, k = _words_kept(rng), rng.randint(1, 4)
    change = rng.choice(
        (
            Part("", "w", lambda w: w),
            Part(", each word in capitals", "w.upper()", lambda w: w.upper()),
            Part(", each word spelled backwards", "w[::-1]", lambda w: w[::-1]),
            Part(f", each word cut to its first {k} letters", f"w[:{k}]", lambda w: w[:k]),
        )
    )
    end = rng.choice(
        (
            Part("a list of", "{}", lambda ws: ws),
            Part("a list, last word first, of", "{}[::-1]", lambda ws: ws[::-1]),
            Part("a text, with one blank between each two words, of", "' '.join({})", " ".join),
            Part("how many letters there are in all in", "sum(map(len, {}))", lambda ws: sum(map(len, ws))),
            Part(
                "a dictionary that counts", "{{w: {0}.count(w) for w in {0}}}", lambda ws: {w: ws.count(w) for w in ws}
            ),
        )
    )
    body = end.python.format(f"[{change.python} for w in s.split() if {keep.python}]")
    return Wanted(
        f"{end.words} the words of s{keep.words}{change.words}; s is a text of words with one blank between them",
        "s",
        f"def solve(s):\n    return {body}",
        lambda s: end.does([change.does(w) for w in s.split() if keep.does(w)]),
        _sentences,
        1 + (keep.words != "") + (change.words != ""),
    )


def _integers(rng: Random) -> list[Any]:
    return [0, 1, -1, *rng.sample(range(-60, 200), CASES - 3)]


def _lists(rng: Random) -> list[Any]:
    found: list[Any] = [[], [rng.randint(-9, 9)], [rng.randint(1, 5)] * 3]
    while len(found) < CASES:
        found.append([rng.randint(-30, 60) for _ in range(rng.randint(4, 12))])
    return found


def _sentences(rng: Random) -> list[Any]:
    words: Sequence[str] = (
        "on the green river a small boat turns its lantern toward an old stone harbour at sunset".split()
    )
    found: list[Any] = ["", "a", "tree tree"]
    while len(found) < CASES:
        found.append(" ".join(rng.choice(words) for _ in range(rng.randint(2, 9))))
    return found


FAMILIES: dict[int, Callable[[Random], Wanted]] = {1: _numbers, 2: _reduced, 3: _listed, 4: _texts}
