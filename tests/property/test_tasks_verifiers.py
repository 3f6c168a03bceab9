"""Whatever text comes, a verifier gives a verdict, and only the answer itself is right."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from trivium.tasks.generated.arithmetic import column_working, decimal_working
from trivium.tasks.problem import Problem
from trivium.tasks.registry import lenient, verify

NUMBERS = st.integers(0, 10**12)
MESS = st.text(st.sampled_from("0123456789+-.,= \n<>/thinka٣３²") | st.characters(), max_size=60)


def _sum(a: int, b: int) -> Problem:
    return Problem("addition", "addition-0", f"What is {a}+{b}?", str(a + b), "", 1)


@given(NUMBERS, NUMBERS, MESS)
def test_a_right_verdict_means_the_bare_answer(a: int, b: int, text: str) -> None:
    problem = _sum(a, b)
    if verify(problem, text).correct:
        content = text.strip(" \t\r\n").rpartition("</think>")[2].strip(" \t\r\n")
        assert content in (problem.answer, f"{problem.answer}.")
        assert lenient(problem, text).correct or problem.answer in (str(a), str(b))


@given(NUMBERS, NUMBERS, MESS, MESS)
def test_text_around_the_answer_is_never_right(a: int, b: int, before: str, after: str) -> None:
    text = f"{before}{a + b}{after}"
    outside = re.sub(r"\A(<think>.*?</think>)?\s*|\.?\s*\Z", "", text, flags=re.DOTALL)
    if outside != str(a + b):
        assert not verify(_sum(a, b), text).correct


@given(NUMBERS, NUMBERS, st.lists(NUMBERS, min_size=2, max_size=9))
def test_several_answers_are_wrong_both_ways(a: int, b: int, given_numbers: list[int]) -> None:
    problem = _sum(a, b)
    spam = sorted({str(a + b), *map(str, given_numbers)})
    if len(spam) > 1:
        assert not verify(problem, " ".join(spam)).correct
        if len(set(spam) - {str(a), str(b)}) > 1:
            assert not lenient(problem, " ".join(spam)).correct


@given(NUMBERS, NUMBERS)
def test_the_last_bracket_of_the_working_is_the_sum(a: int, b: int) -> None:
    lines = column_working(a, b).splitlines()
    assert lines[-1].endswith(f"({a + b})")
    assert len(lines) == max(len(str(a)), len(str(b)))


@given(st.integers(1, 99), st.integers(1, 999), st.integers(1, 999))
def test_the_working_of_a_comparison_names_the_larger(whole: int, x: int, y: int) -> None:
    a, b = f"{whole}.{x}", f"{whole}.{y}"
    if float(a) != float(b):
        assert decimal_working(a, b).endswith(f"so {a if float(a) > float(b) else b}")
