"""Programs are read out of replies, hidden cases are right and many, values survive the way through the shim."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.sandbox.box import Sandbox
from trivium.sandbox.tier import tier
from trivium.tasks.code.families import CASES, telling
from trivium.tasks.code.grade import passes
from trivium.tasks.code.program import program
from trivium.tasks.code.values import alike, closed
from trivium.tasks.registry import TASKS, generate

held = pytest.mark.skipif(not tier().holds, reason=f"no sandbox here: {tier().reason}")
SOLVED = "def solve(x):\n    return x"


@pytest.mark.parametrize(
    "text",
    [
        SOLVED,
        f"```python\n{SOLVED}\n```",
        f"```\n{SOLVED}\n```",
        f"<think>let me see</think>\n```py\n{SOLVED}\n```\n",
        "solve = lambda x: x",
        "from math import sqrt as solve",
        "if True:\n    def solve(x): return x",
    ],
)
def test_a_program_is_read(text: str) -> None:
    assert "solve" in (program(text, "solve") or "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "def other(x): return x",
        "def solve(x) return x",
        f"Here: ```python\n{SOLVED}\n```",
        f"```python\n{SOLVED}",
        f"```python\n{SOLVED}\n```\n```python\n{SOLVED}\n```",
        f"```ruby\n{SOLVED}\n```",
        f"{SOLVED}\n# {'x' * 20_000}",
        f"<think>{SOLVED}",
        "def solve(x): return '\x00'",
        "def solve(x): return " + "(" * 9999,
    ],
)
def test_no_program_is_read(text: str) -> None:
    assert program(text, "solve") is None


def test_words_around_one_block_pass_leniently_only() -> None:
    text = f"This is it:\n```python\n{SOLVED}\n```\nIt gives x."
    assert program(text, "solve") is None and program(text, "solve", strict=False) is not None


def test_hidden_cases_tell_constant_functions_and_the_identity() -> None:
    for level in TASKS["code"].levels:
        for problem in generate("code", level, 40, 2):
            cases = json.loads(problem.key)["cases"]
            assert len(cases) == CASES
            assert telling([(case["arguments"][0], case["answer"]) for case in cases[1:]])
            shown = cases[0]
            assert f"solve({shown['arguments'][0]!r}) is {shown['answer']!r}" in problem.question


def test_problems_of_one_wording_have_one_id_and_the_same_cases() -> None:
    first, second = generate("code", 2, 60, 1), generate("code", 2, 60, 9)
    again = {problem.id: problem for problem in first}
    for problem in second:
        if problem.id in again:
            assert again[problem.id] == problem


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=4)
    | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.integers() | st.text(max_size=3), inner, max_size=3)
        | st.sets(st.integers() | st.text(max_size=3), max_size=3)
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_a_value_is_like_itself_and_like_nothing_else(value: object) -> None:
    form = closed(value)
    assert alike(json.loads(json.dumps(form)), form)
    assert not alike([form], form) and not alike(form, [form, form])


@held
def test_values_come_through_the_shim_as_they_went_in() -> None:
    values = [
        [1, "a", None, True, 2.5],
        (1, (2, [3])),
        {1, 2},
        frozenset({"x"}),
        {1: "a", (2, 3): [4]},
        b"\x00\xff",
        1 + 2j,
        float("inf"),
        {},
        [],
        (),
        {"tuple": [1]},
    ]
    cases = [{"arguments": [closed(value)], "answer": closed(value)} for value in values]
    with Sandbox() as box:
        key = {"function": "solve", "cases": cases, "shim": True}
        assert passes(box, key, SOLVED, 60)
        for wrong in ("return [x]", "return str(x)", "return None", "return list(x) if isinstance(x, tuple) else x"):
            assert not passes(box, key, f"def solve(x):\n    {wrong}", 60)
        assert not passes(box, {**key, "cases": []}, SOLVED, 60)
