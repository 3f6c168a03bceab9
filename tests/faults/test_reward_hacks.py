"""The red team: no way of asking for a reward without the answer gets one."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from reward_hacks import HALF, PROGRAM_HACKS, ROOT, SUM, TEXT_HACKS, program_problem

from trivium.sandbox.tier import tier
from trivium.tasks.code.values import alike
from trivium.tasks.judge import Judge
from trivium.tasks.problem import Problem

held = pytest.mark.skipif(not tier().holds, reason=f"no sandbox here: {tier().reason}")


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(seconds=2.0) as opened:
        yield opened


def test_there_are_many_and_none_twice() -> None:
    assert len({(problem.id, text) for _, problem, text in TEXT_HACKS}) == len(TEXT_HACKS) >= 80
    assert len({source for _, source in PROGRAM_HACKS}) == len(PROGRAM_HACKS) >= 50


@pytest.mark.parametrize(("problem", "text"), [one[1:] for one in TEXT_HACKS], ids=[one[0] for one in TEXT_HACKS])
def test_no_hack_in_text_scores(judge: Judge, problem: Problem, text: str) -> None:
    assert not judge.verify(problem, text).correct
    assert judge.verify(problem, problem.answer).correct


@held
@pytest.mark.parametrize("source", [one[1] for one in PROGRAM_HACKS], ids=[one[0] for one in PROGRAM_HACKS])
def test_no_hack_in_a_program_scores(judge: Judge, source: str) -> None:
    assert not judge.verify(program_problem(), source).correct


@held
@pytest.mark.parametrize("source", [one[1] for one in PROGRAM_HACKS if "solve" in one[1]])
def test_no_hack_scores_behind_the_shim(judge: Judge, source: str) -> None:
    """Benchmarks ask through a shim that runs beside the program; it may be meddled with, and nothing comes of it.

    There 2.0 counts as 2, as it does in the benchmarks' own assertions.
    """
    problem = program_problem()
    key = json.loads(problem.key) | {"shim": True}
    shimmed = Problem("mbpp", problem.id, problem.question, problem.answer, "", 1, json.dumps(key))
    assert judge.verify(shimmed, source).correct is source.startswith("def solve(xs): return float(sum(")


MEDDLING = [
    "import builtins\nclass W(dict):\n    def __setitem__(s, k, v): pass\ndef solve(xs): return W()",
    "def _trivium_close(v): return 20\ndef solve(xs): return 20",
    "import sys\ndef solve(xs):\n    sys.modules['__main__']._trivium_close = lambda v: 20\n    return 20",
    "import sys\ndef solve(xs):\n    sys.modules['__main__']._trivium_asked = lambda *a: 20\n    return 20",
    "def solve(xs): return 20\n_trivium_asked = solve\n'''",
    "class T:\n    def __class__(self): return int\ndef solve(xs): return T()",
]


@held
@pytest.mark.parametrize("source", MEDDLING)
def test_meddling_with_the_shim_earns_nothing(judge: Judge, source: str) -> None:
    problem = program_problem()
    key = json.loads(problem.key) | {"shim": True}
    assert not judge.verify(Problem("mbpp", "mbpp-0", "", "", "", 1, json.dumps(key)), source).correct


@held
def test_the_judge_does_reward_the_right_program(judge: Judge) -> None:
    """Or else nothing above would say anything."""
    assert judge.verify(program_problem(), program_problem().answer).correct


def test_an_answer_that_was_cut_off_earns_nothing(judge: Judge) -> None:
    assert judge.verify(SUM, "632").correct
    assert not judge.verify(SUM, "632", closed=False).correct


def test_hidden_cases_stand_in_no_question() -> None:
    problem = program_problem()
    shown = [case for case in json.loads(problem.key)["cases"] if str(case["arguments"][0]) in problem.question]
    assert len(shown) <= 2  # the example, and an empty list is in every text


def test_values_that_look_alike_are_told_apart() -> None:
    for left, right in (
        (True, 1),
        ([1, 2], {"tuple": [1, 2]}),
        ("1", 1),
        (None, False),
        ({"set": [1, 1]}, {"set": [1, 2]}),
        ({"float": "nan"}, 0.0),
        (10**400, 1.0),
        ([[]], []),
        ({"dict": [[1, 2]]}, {"dict": [[2, 1]]}),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}),
    ):
        assert not alike(left, right) and not alike(right, left)


def test_without_math_verify_nothing_more_is_right(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "without_maths", "not asked")
    for problem in (HALF, ROOT):
        assert not judge.verify(problem, "\\boxed{\\sqrt{8}+1}").correct
        assert judge.verify(problem, f"\\boxed{{{problem.answer}}}").correct
