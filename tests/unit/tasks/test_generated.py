"""Dials do what they say, workings are right line by line, answers follow, mirrored problems share a split."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.tasks.forms import after_thinking
from trivium.tasks.generated.countdown import DIALS, joined
from trivium.tasks.generated.expression import NoExpression, read
from trivium.tasks.generated.multiplication import SHAPES, product_working
from trivium.tasks.generated.stories import PEOPLE
from trivium.tasks.problem import Problem, split_of
from trivium.tasks.registry import TASKS, generate, lenient, verify
from trivium.tools.calculator import CannotCalculate, calculate
from trivium.town.names import FIRST_NAMES, LAST_NAMES

NEW = [name for name in TASKS if name.startswith("coined")] + [
    "multiplication",
    "countdown",
    "countdown-any",
    "stories",
    "sorting",
    "alphabet",
]


def every(task: str, count: int = 10, seed: int = 4) -> list[Problem]:
    return [problem for level in TASKS[task].levels for problem in generate(task, level, count, seed)]


@pytest.mark.parametrize("task", TASKS)
def test_the_dial_is_what_is_measured(task: str) -> None:
    expected = {
        "addition": lambda level: {"digits": level},
        "multiplication": lambda level: dict(zip(("digits_a", "digits_b"), SHAPES[level], strict=True)),
        "sorting": lambda level: {"items": level + 2},
        "alphabet": lambda level: {"items": level + 2},
        "coined-counting": lambda level: {"letters": level + 2},
        "coined-spelling": lambda level: {"letters": level + 2},
        "coined-reversal": lambda level: {"letters": level + 2},
        "countdown": lambda level: {"numbers": DIALS[level][0]},
        "countdown-any": lambda level: {"numbers": DIALS[level][0]},
        "stories": lambda level: {"steps": (level - 1) % 4 + 1},
    }
    for problem in every(task):
        measured = TASKS[task].measure(problem)
        assert measured and all(isinstance(value, int) for value in measured.values())
        for name, value in expected.get(task, lambda level: {})(problem.level).items():
            assert measured[name] == value, problem.question
        if task == "stories":
            assert (measured["distractors"] > 0) is (problem.level > 4)
        if task in ("counting", "tally", "spelling", "reversal"):
            assert {1: (3, 4), 2: (5, 6), 3: (7, 12)}[problem.level][0] <= measured["letters"] <= 12
        if task.startswith("countdown"):
            assert measured["largest"] <= DIALS[problem.level][1]


@pytest.mark.parametrize("task", NEW)
def test_answers_pass_strictly_and_among_words(task: str) -> None:
    for problem in every(task):
        assert verify(problem, problem.answer).correct
        assert lenient(problem, f"It is {problem.answer}.").correct, problem
        assert not verify(problem, f"It is {problem.answer}.").correct
        assert not verify(problem, problem.question).correct
        assert not verify(problem, "").correct and not lenient(problem, "").correct


@given(st.integers(0, 9999), st.integers(0, 9999))
def test_the_working_of_a_product_is_right_line_by_line(a: int, b: int) -> None:
    lines = product_working(a, b).splitlines()
    assert lines[-1].endswith(f"({a * b})")
    for line in lines:
        asked, entries, result = re.fullmatch(r"([0-9]+[*+][0-9]+): ([0-9 ]+) \(([0-9]+)\)", line).groups()  # type: ignore[union-attr]
        assert calculate(asked).value == int(result)
        last, *others = reversed(entries.split())
        read_off = last + "".join(entry[-1] for entry in others)
        assert int(read_off) == int(result)


def test_the_longest_working_of_a_product_is_short() -> None:
    longest = max(len(p.thought) for p in generate("multiplication", 7, 400, 0))
    assert longest <= 270


@pytest.mark.parametrize("task", ["countdown", "countdown-any"])
def test_countdown_is_solvable_and_its_working_adds_up(task: str) -> None:
    for problem in every(task, 30):
        key = json.loads(problem.key)
        assert read(problem.answer).value() == key["target"]
        *failed, last = problem.thought.splitlines()
        assert last.endswith(f"={key['target']} yes") and all(line.endswith(" no") for line in failed)
        for line in problem.thought.splitlines():
            for step in line.split()[:-1]:
                left, _, right = step.partition("=")
                assert read(left).value() == int(right)
        assert all(str(number) in problem.question for number in key["numbers"])


def test_stories_are_solved_by_their_working() -> None:
    for problem in every("stories", 40):
        lines = problem.thought.splitlines()
        for line in lines:
            left, _, right = line.partition("=")
            assert calculate(left).value == int(right)
        assert lines[-1].endswith(f"={problem.answer}")
        assert int(problem.answer) >= 0 and " 1 " not in problem.question


def test_people_of_stories_are_not_people_of_the_town() -> None:
    assert not set(PEOPLE) & {*FIRST_NAMES, *LAST_NAMES}


def test_repeating_the_list_is_never_right() -> None:
    for task in ("sorting", "alphabet"):
        for problem in every(task, 60):
            assert problem.answer not in problem.question


def test_sorted_things_share_a_split_however_they_are_mixed() -> None:
    rng = Random(0)
    seen: dict[str, str] = {}
    for _ in range(3000):
        for task in ("sorting", "alphabet"):
            problem = TASKS[task].draw(rng, 1)
            down = "large to small" in problem.question
            key = f"{task}|{down}|{sorted(problem.answer.split())}"
            assert seen.setdefault(key, split_of(problem.id)) == split_of(problem.id)


@given(st.integers(0, 2**32), st.lists(st.integers(1, 99), min_size=2, max_size=4))
def test_a_way_is_what_its_expression_says(seed: int, numbers: list[int]) -> None:
    way = joined(Random(seed), numbers)
    expression = read(way.expression)
    assert expression.value() == way.value >= 0
    assert sorted(expression.numbers) == sorted(numbers)


@given(st.text(st.sampled_from("0123456789+-*/() "), max_size=30))
def test_expressions_are_read_as_the_calculator_reads_them(text: str) -> None:
    """Two parsers, one value; ours takes less (no signs), and never more."""
    try:
        value = read(text).value()
    except NoExpression:
        return
    try:
        assert calculate(text).value == Fraction(value)
    except CannotCalculate as error:
        raise AssertionError(text) from error


@given(st.text(max_size=200))
def test_any_text_gets_a_verdict(text: str) -> None:
    for task in NEW:
        problem = generate(task, 1, 1, 0)[0]
        for verdict in (verify(problem, text), lenient(problem, text)):
            assert verdict.correct in (True, False)


def test_thinking_is_set_aside_once() -> None:
    assert after_thinking("<think>a</think> b ") == "b"
    assert after_thinking(" b ") == "b"
    for text in ("<think>a", "a</think>b", "<think></think><think></think>b", "b<think>", "x" * 401):
        assert after_thinking(text) is None
