"""Problems from files, from another package and from the user: read, split, judged; what cannot be used is counted."""

from __future__ import annotations

import gzip
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from trivium.ground.errors import ConfigError, UsageError
from trivium.sandbox.tier import tier
from trivium.tasks.given import gym, programs, sums
from trivium.tasks.given.child import evaluating
from trivium.tasks.given.matching import may_be_asked, number, same_text
from trivium.tasks.given.outside import NoAnswer, Outside
from trivium.tasks.given.own import OwnTask
from trivium.tasks.given.reading import echoes, final
from trivium.tasks.judge import Judge
from trivium.tasks.problem import Problem
from trivium.tasks.source import opened

held = pytest.mark.skipif(not tier().holds, reason=f"no sandbox here: {tier().reason}")
has_math = pytest.mark.skipif(find_spec("math_verify") is None, reason="math-verify is not installed")
has_gym = pytest.mark.skipif(find_spec("reasoning_gym") is None, reason="reasoning-gym is not installed")

JARS = {"question": "A crate holds 12 jars. How many do 6 hold?", "answer": "6*12=<<6*12=72>>72 jars.\n#### 72"}
EGGS = {"question": "Ten eggs, two break. How many are whole?", "answer": "<<10-2=8>>\n#### 8"}
DOUBLE = {
    "task_id": 1,
    "text": "Write a function to double a number.",
    "code": "def double(x):\r\n\treturn 2*x",
    "test_setup_code": "",
    "test_list": ["assert double(2) == 4", "assert double(-1) == -2", "assert double((1,)) == (1, 1)"],
    "challenge_test_list": ["assert set(double([1])) == {1}"],
}
NEAR = {
    "task_id": "X/1",
    "prompt": 'from typing import List\n\n\ndef mean(xs: List[float]) -> float:\n    """ The mean. """\n',
    "entry_point": "mean",
    "canonical_solution": "    return sum(xs) / len(xs)\n",
    "test": "def check(candidate):\n    assert candidate([1.0, 2.0]) == 1.5\n"
    "    assert abs(candidate([0.1, 0.2, 0.3]) - 0.2) < 1e-6\n"
    "    assert True\n    assert candidate([4.0]) == 4\n",
    "split": "test",
}


def file(folder: Path, *records: Any, name: str = "records.jsonl") -> Path:
    path = folder / name
    text = "".join(json.dumps(record) + "\n" for record in records)
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    elif name.endswith(".zst"):
        import pyarrow

        path.write_bytes(pyarrow.compress(text.encode(), "zstd", asbytes=True))
    else:
        path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["records.jsonl", "records.jsonl.gz", "records.jsonl.zst"])
def test_gsm8k_is_read_and_split(tmp_path: Path, name: str) -> None:
    mixed = [{**JARS, "split": "train"}, {**EGGS, "split": "test", "dataset": "gsm8k"}, {"dataset": "mbpp"}]
    loaded = sums.load("gsm8k", file(tmp_path, *mixed, name=name))
    (jars,), (eggs,) = loaded.splits["train"], loaded.splits["heldout"]
    assert (jars.answer, jars.level, jars.thought) == ("72", 1, "6*12=72 jars.")
    assert eggs.answer == "8" and not loaded.left_out


def test_what_is_held_out_is_never_trained_on(tmp_path: Path) -> None:
    again = {**JARS, "question": JARS["question"].upper(), "split": "test"}
    loaded = sums.load("gsm8k", file(tmp_path, {**JARS, "split": "train"}, again, again, {"question": "?"}))
    assert not loaded.splits["train"] and len(loaded.splits["heldout"]) == 1
    assert loaded.left_out == {"held out too": 1, "said twice": 1, "no question with a number as its answer": 1}


def test_records_without_a_split_go_by_their_hash(tmp_path: Path) -> None:
    many = [{"input": f"What is {n} and {n}?", "target": float(2 * n)} for n in range(300)]
    source = opened(f"mawps={file(tmp_path, *many)}")
    train, heldout = source.problems(200, 0), source.problems(30, 0, "heldout")
    assert not {p.id for p in train} & {p.id for p in heldout}
    assert train == source.problems(200, 0) != source.problems(200, 1)
    assert all(p.answer.isdigit() for p in train)
    with pytest.raises(ConfigError, match="or fewer"):
        source.problems(300, 0)


def test_math_records_have_one_answer(tmp_path: Path) -> None:
    loaded = sums.load(
        "math",
        file(
            tmp_path,
            {
                "problem": "Half of one?",
                "solution": "It is $\\boxed{\\frac{1}{2}}$.",
                "level": "Level 3",
                "split": "train",
            },
            {"question": "Two plus two?", "final_answer": ["$4$"], "split": "train"},
            {"question": "Roots?", "final_answer": ["1", "2"]},
            {"problem": "Two boxes?", "solution": "\\boxed{1} \\boxed{2}"},
        ),
    )
    assert [(p.answer, p.level) for p in loaded.splits["train"]] == [("\\frac{1}{2}", 3), ("$4$", 1)]
    assert loaded.left_out == {"several answers": 1, "no final answer": 1}


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        sums.load("gsm8k", tmp_path / "missing.jsonl")
    (tmp_path / "broken.jsonl").write_text('{"question": "a"}\n[1]\n')
    with pytest.raises(UsageError, match="Line 2"):
        sums.load("gsm8k", tmp_path / "broken.jsonl")
    with pytest.raises(UsageError, match="no problems for gsm8k"):
        opened(f"gsm8k={file(tmp_path, {'question': 'a'})}")
    for typed in ("sums", "gsm8k", "own", "addition=3"):
        with pytest.raises(UsageError, match="no task"):
            opened(typed)


def test_assertions_become_cases(tmp_path: Path) -> None:
    keyword = {**DOUBLE, "text": "Another.", "test_list": ["assert double(x=2) == 4"], "challenge_test_list": []}
    loop = {
        **NEAR,
        "prompt": "def f(): pass",
        "test": "def check(candidate):\n    for i in range(3):\n        assert candidate(i)",
    }
    plain = {**DOUBLE, "challenge_test_list": []}
    for kind, good, bad in (("mbpp", plain, keyword), ("humaneval", NEAR, loop)):
        loaded = programs.load(kind, file(tmp_path, good, bad))
        (problem,) = [*loaded.splits["train"], *loaded.splits["heldout"]]
        assert sum(loaded.left_out.values()) == 1
        key = json.loads(problem.key)
        assert len(key["cases"]) == 3 and key["shim"]
    assert [case.get("tolerance") for case in key["cases"]] == [None, 1e-6, None]
    assert key["before"] == "from typing import List"
    assert programs.load("mbpp", file(tmp_path, DOUBLE)).left_out == {"a test has values that are no literals": 1}


@held
def test_benchmark_programs_are_judged(tmp_path: Path) -> None:
    double = programs.load("mbpp", file(tmp_path, {**DOUBLE, "challenge_test_list": []})).splits
    mean = programs.load("humaneval", file(tmp_path, NEAR)).splits["heldout"][0]
    problem = [*double["train"], *double["heldout"]][0]
    with Judge(seconds=60) as judge:
        assert judge.verify(problem, problem.answer).correct
        assert judge.verify(problem, "double = lambda x: x + x").correct
        assert not judge.verify(problem, "double = lambda x: 4").correct
        assert not judge.verify(problem, "def double(x): return list(x) * 2 if isinstance(x, tuple) else 2 * x").correct
        assert judge.verify(mean, mean.answer).correct
        assert judge.verify(
            mean, "def mean(xs: List[float]) -> float:\n    return sum(xs) / len(xs) + 1e-8 * (len(xs) == 3)"
        ).correct
        assert not judge.verify(mean, "def mean(xs): return sum(xs) / len(xs) + 1e-3").correct


def test_numbers_are_read_exactly() -> None:
    for text, value in (("1,234.50", 1234.5), ("-\\frac{3}{4}", -0.75), ("2\\frac{1}{2}", 2.5), ("$5", 5), ("7%", 7)):
        assert number(text) == value
    for text in (
        "",
        "-",
        ".",
        "-0",
        "1,23",
        "1e9",
        "0x1",
        "٣",
        "1 or 2",
        "1/0",
        "nan",
        "9" * 61,
        "1" * 300,
        "\\frac{1}{0}",
    ):
        assert number(text) is None, text
    assert same_text("x + 1", "x+1") and not same_text("", "") and not same_text("é", "é")


def test_final_answers_are_single() -> None:
    asked = "How many jars stand on the table now?"
    for text in ("7", "#### 7", "a\n#### 7", "\\boxed{7}", "so $\\boxed{7}$."):
        assert final(text, asked) == "7"
    assert final("\\boxed{\\frac{1}{2}}", asked) == "\\frac{1}{2}"
    for text in (
        "",
        "a\nb",
        "\\boxed{7} \\boxed{7}",
        "#### 7\n8",
        "\\boxed{7} or 8",
        "#### 7 #### 8",
        f"{asked} 7",
        "x" * 300,
    ):
        assert final(text, asked) is None
    assert echoes("Well: how MANY jars\nstand on the table now? 7", asked) and not echoes("on the table: 7", asked)


def test_risky_answers_are_not_asked_about() -> None:
    for text in (
        "9^{9^{9}}",
        "2^{99999}",
        "a or b",
        "__import__('os')",
        "1,2",
        "x=1",
        "\\pm 1",
        "9!",
        "x" * 201,
        "é",
        "",
    ):
        assert not may_be_asked(text, "1")
    assert may_be_asked("\\sqrt{8}", "2\\sqrt{2}") and may_be_asked("1,2", "1,2")


@has_math
def test_math_verify_answers_and_is_started_again_when_it_dies() -> None:
    with Outside("math", "math") as outside:
        assert outside.ask(60, given="\\sqrt{8}", wanted="2\\sqrt{2}") is True
        assert outside.ask(60, given="\\sqrt{8}", wanted="3") is False
        with pytest.raises(NoAnswer):
            outside.ask(0.0, given="1", wanted="1")
        assert outside.ask(60, given="1", wanted="1") is True
        with pytest.raises(NoAnswer):
            outside.ask(60, nonsense=1)


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trivium.tasks.given.outside.BOOT", 'import sys; print(\'{"error": "No module named x"}\')')
    with Outside("math", "math") as outside, pytest.raises(UsageError, match=r"trivium\[math\]"):
        outside.ask(60, given="1", wanted="1")


class _FakeGym(Outside):
    """A data set of sums, and one that is refused, in the place of the child."""

    def ask(self, seconds: float, **asked: Any) -> Any:
        if asked["act"] == "names":
            return {"sums": False, "boards": True}
        if asked["act"] == "draw":
            return [[f"What is {n} + {asked['seed']}?", str(n + asked["seed"])] for n in range(asked["size"])]
        return 1.0 if asked["answer"] == str(asked["index"] + asked["seed"]) else 0.5


def test_the_gym_s_problems_are_split_and_scored_fully_or_not() -> None:
    outside = _FakeGym("gym", "reasoning-gym")
    train, heldout = gym.draw(outside, "sums", 20, 3, "train"), gym.draw(outside, "sums", 20, 3, "heldout")
    assert not {p.id for p in train} & {p.id for p in heldout}
    for problem in [*train, *heldout]:
        assert gym.strict(outside, problem, problem.answer).correct
        assert not gym.strict(outside, problem, problem.answer + "1").correct
        assert not gym.strict(outside, problem, "٣").correct and not gym.strict(outside, problem, "").correct
    with pytest.raises(UsageError, match="may run answers as code"):
        gym.draw(outside, "boards", 1, 0, "train")
    with pytest.raises(UsageError, match="no data set"):
        gym.draw(outside, "nothing", 1, 0, "train")


class _Evaluates:
    def score(self, answer: str) -> Any:
        return eval(answer)


def test_verifiers_that_evaluate_are_found() -> None:
    assert evaluating(_Evaluates) and evaluating(type("Built", (), {"__module__": "nowhere"}))
    assert not evaluating(Problem)


@has_gym
def test_the_real_gym() -> None:
    with Judge() as judge:
        for problem in gym.draw(judge.gym, "leg_counting", 5, 1, "train"):
            assert judge.verify(problem, problem.answer).correct
            assert not judge.verify(problem, "-1").correct
        assert gym.names(judge.gym)["n_queens"]


OWN = """
def problems():
    for n in range(60):
        yield {"question": f"Name a number above {n}.", "answer": str(n + 1), "bound": n, "level": 1 + n // 30}

def verify(problem, answer):
    return answer.isascii() and answer.isdigit() and int(answer) > problem["bound"]
"""


def test_the_user_s_own_task(tmp_path: Path) -> None:
    path = tmp_path / "above.py"
    path.write_text(OWN)
    source = opened(f"own={path}")
    assert source.own is not None and source.levels == (1, 2)
    train, heldout = source.problems(30, 0), source.problems(3, 0, "heldout")
    assert not {p.id for p in train} & {p.id for p in heldout}
    assert {p.level for p in source.problems(5, 0, level=2)} == {2}
    with Judge([source.own]) as judge:
        for problem in train:
            assert (
                judge.verify(problem, problem.answer).correct and judge.verify(problem, "<think>big</think>99").correct
            )
            assert (
                not judge.verify(problem, "0").correct and not judge.verify(problem, f"{problem.question} 99").correct
            )
            assert not judge.verify(problem, "99", closed=False).correct
        assert not judge.verify(train[0], "9" * 5000).correct  # its int() raises
        assert next(iter(source.own.troubles)).startswith("ValueError")
    with Judge() as judge, pytest.raises(UsageError, match="No verifier"):
        judge.verify(train[0], "1")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("", "no function problems"),
        ("def problems(): return []", "no problems"),
        ("1/0", "cannot be loaded"),
        ("def problems(): yield 1", "Problem 1 .* is a int"),
        ("def problems(): yield {'answer': 'a'}", "no 'question'"),
        ("def problems(): yield {'question': 'a'}", "no answer"),
        ("def problems(): yield {'question': 'a', 'answer': 1}", "of type int, not str"),
        ("def problems(): yield {'question': 'a', 'answer': 'b', 'level': True}", "of type bool"),
        ("def problems(): yield {'question': 'a', 'answer': 'b', 'more': {1}}", "no plain value"),
        ("def problems(): yield {'question': 'a', 'answer': 'b'}\ndef verify(p, a): return 1", "not True or False"),
        ("def problems(): yield {'question': 'a', 'answer': 'b'}\ndef verify(p, a): return False", "is wrong"),
    ],
)
def test_an_own_task_that_is_broken_is_told_where(tmp_path: Path, code: str, says: str) -> None:
    path = tmp_path / "task.py"
    path.write_text(code)
    with pytest.raises(UsageError, match=says):
        OwnTask(path)
    with pytest.raises(UsageError, match="no Python file"):
        OwnTask(tmp_path / "missing.py")


def test_the_worked_example_of_the_docs_works(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "tasks.md").read_text(encoding="utf-8")
    path = tmp_path / "rhymes.py"
    path.write_text(text.split("```python\n")[1].split("```")[0])
    source = opened(f"own={path}")
    assert source.own is not None
    with Judge([source.own]) as judge:
        for problem in source.problems(4, 0):
            assert judge.verify(problem, problem.answer).correct
            assert not judge.verify(problem, " ".join(["light", "night", "ball", "call"])).correct
