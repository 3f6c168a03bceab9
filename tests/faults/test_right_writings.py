"""The other side of the red team: right solutions, however they are written, are not rejected."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from right_writings import BY_MATH_VERIFY, EXACT, programs, texts

from trivium.sandbox.tier import tier
from trivium.tasks.judge import Judge
from trivium.tasks.problem import Problem
from trivium.tasks.registry import TASKS, generate

held = pytest.mark.skipif(not tier().holds, reason=f"no sandbox here: {tier().reason}")


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(seconds=60.0) as opened:
        yield opened


def test_there_are_two_hundred() -> None:
    every = {
        (problem.id, problem.answer, text) for problem, text in [*texts(EXACT), *texts(BY_MATH_VERIFY), *programs()]
    }
    assert len(every) == len(texts(EXACT) + texts(BY_MATH_VERIFY) + programs()) >= 200


@pytest.mark.parametrize(("problem", "text"), texts(EXACT))
def test_right_texts_pass_without_another_package(problem: Problem, text: str, judge: Judge) -> None:
    judge.without_maths = "not asked"
    assert judge.verify(problem, text).correct
    judge.without_maths = ""


@pytest.mark.skipif(find_spec("math_verify") is None, reason="math-verify is not installed")
@pytest.mark.parametrize(("problem", "text"), texts(BY_MATH_VERIFY))
def test_right_texts_pass_with_math_verify(problem: Problem, text: str, judge: Judge) -> None:
    assert judge.verify(problem, text).correct


@held
@pytest.mark.parametrize(("problem", "text"), programs())
def test_right_programs_pass(problem: Problem, text: str, judge: Judge) -> None:
    assert judge.verify(problem, text).correct


@pytest.mark.parametrize("task", [name for name in TASKS if name != "code"])
def test_generated_answers_pass_bare_and_behind_thoughts(task: str, judge: Judge) -> None:
    for level in TASKS[task].levels:
        for problem in generate(task, level, 4, 17):
            for text in (
                problem.answer,
                f"{problem.answer}.",
                f" {problem.answer}\n",
                f"<think>{problem.thought}</think>{problem.answer}",
            ):
                assert judge.verify(problem, text).correct


@held
def test_generated_programs_pass(judge: Judge) -> None:
    for level in TASKS["code"].levels:
        for problem in [*generate("code", level, 12, 17), *generate("code", level, 4, 17, "heldout")]:
            assert judge.verify(problem, problem.answer).correct, problem.question
            assert judge.verify(problem, f"```python\n{problem.answer}\n```").correct
            assert judge.lenient(problem, f"Here it is:\n```python\n{problem.answer}\n```\nDone.").correct
            assert not judge.verify(problem, f"Here it is:\n```python\n{problem.answer}\n```").correct
