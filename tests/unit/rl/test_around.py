"""What stands around practice: rewards, exams and pass@k, votes, budgets, faithfulness, the recipe and its options."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from trivium.cli.practice import asked, settings_of
from trivium.evals.chances import majority, pass_at_k, passes
from trivium.generate.engine import Completion, Request
from trivium.ground.artifact import Label, open_artifact, sealing
from trivium.ground.atomic import write_json
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.journey.overrides import override
from trivium.model.folder import save_model
from trivium.model.reward import begin_reward
from trivium.model.transformer import Transformer
from trivium.recipes.registry import recipe
from trivium.stages.rl.config import PoolConfig, RlConfig
from trivium.stages.rl.exam import compare
from trivium.stages.rl.rewards import Ternary, by_coin, formed, scorer_of, verified
from trivium.stages.rl.run import heldout
from trivium.stages.rl.sampler import Answer, Manner, Sampler
from trivium.stages.rl.supervised import Lessons, shown
from trivium.stages.rl.thinking import faithful
from trivium.stages.rl.thinking.budgets import by_budget, vote
from trivium.stages.rl.thinking.faithful import faithfulness, replaced
from trivium.tasks import desk
from trivium.tasks.problem import Problem, split_of
from trivium.tasks.registry import generate
from trivium.text.chat import parse, render
from trivium.text.tokenizer import Tokenizer

PROBLEMS = generate("addition", 2, 4, 0)


def answer(tokenizer: Tokenizer, text: str, ended: bool = True) -> Answer:
    ids = [tokenizer.special["</think>"], *tokenizer.encode(text), *([tokenizer.turn_end] if ended else [])]
    one = Answer([1], 0, ids, [True] * len(ids), [0.0] * len(ids), "stop" if ended else "length", done=True)
    one.turns.append(parse(tokenizer, ids, True))
    return one


def test_rewards(tokenizer: Tokenizer) -> None:
    problem = PROBLEMS[0]
    texts = [
        (problem.answer, True),
        ("The answer is not known to me.", True),
        ("7 or 8", True),
        (problem.answer, False),
    ]
    answers = [answer(tokenizer, *one) for one in texts]
    correct = [True, False, False, False]
    four = [problem] * 4
    assert [r["answer"] for r in verified(four, answers, correct, 0)] == [1, 0, 0, 0]
    assert [r["answer"] for r in Ternary(0.75)(four, answers, correct, 0)] == pytest.approx([1, 0, -3, -3])
    assert [r["format"] for r in formed(four, answers, correct, 0)] == [1, 1, 1, 0]
    coins = [r["coin"] for number in range(50) for r in by_coin(four, answers, correct, number)]
    assert 0.35 < sum(coins) / len(coins) < 0.65
    assert by_coin(four, answers, correct, 3) == by_coin(four, answers, correct, 3)


def test_a_reward_model_pays_as_it_scores(tmp_path: Path, model: Transformer, tokenizer: Tokenizer) -> None:
    with sealing(tmp_path / "model", Label("model", "sft", 1, {}), {}) as folder:
        save_model(folder, model, tokenizer.ends)
        tokenizer.save(folder)
    judge = begin_reward(tmp_path / "model", model.device)
    judge.score.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    with sealing(tmp_path / "judge", Label("reward", "reward", 1, {}), {}) as folder:
        save_model(folder, judge, tokenizer.ends)
        tokenizer.save(folder)
    config = RlConfig(reward="model", reward_model=str(tmp_path / "judge"))
    scorer = scorer_of(config, model.device, torch.float32)
    answers = [answer(tokenizer, text) for text in ("12", "a longer answer", "x")]
    found = [row["model"] for row in scorer(PROBLEMS[:3], answers, [False] * 3, 0)]
    for problem, one, score in zip(PROBLEMS, answers, found, strict=False):
        said = {"role": "assistant", "content": one.reply.content}
        ids = render(tokenizer, [{"role": "user", "content": problem.question}, said]).ids
        ids = ids[: len(ids) - ids[::-1].index(tokenizer.turn_end)]
        assert score == pytest.approx(judge.scores(torch.tensor([ids]))[0, -1].item(), abs=1e-5)
    with pytest.raises(UsageError):
        scorer_of(RlConfig(reward="model"), model.device, torch.float32)


def test_pass_at_k_is_the_share_of_choices_that_hold_a_right_one() -> None:
    from itertools import combinations

    for n, right, k in ((4, 2, 2), (6, 1, 3), (5, 5, 1), (5, 0, 4)):
        choices = list(combinations([True] * right + [False] * (n - right), k))
        assert pass_at_k(n, right, k) == pytest.approx(sum(map(any, choices)) / len(choices))
    assert list(passes([1, 3], 6)) == [1, 2, 4]
    with pytest.raises(ValueError, match="7 of 6"):
        pass_at_k(6, 1, 7)


def test_a_majority_has_no_vote_of_those_that_say_nothing() -> None:
    assert majority(["3", "5", None, "5", None, None]) == "5"
    assert majority(["3", "5"]) == "3"
    assert majority([None]) is None


def test_an_exam_compares_problem_by_problem() -> None:
    def marks(right: list[bool], calls: int) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {"chances": [2, 0, 1, 4] if calls else [1, 0, 1, 3]}
        for way in ("main", "direct", "no_tools"):
            found |= {way: right, f"{way}_lenient": right, f"{way}_tokens": [3] * 4, f"{way}_calls": [calls] * 4}
            found[f"{way}_abstained"] = [False] * 4
        return found

    found = compare(marks([True, False, False, False], 0), marks([True, True, True, False], 2), 4)
    assert found["heldout"]["gain"]["value"] == 0.5
    assert found["think"]["gain"]["value"] == 0
    assert found["tools"]["after"]["calls"] == 2
    assert found["pass_at_k"]["gain"][1]["value"] == pytest.approx(2 / 16)


def test_held_out_problems_of_several_tasks_and_of_small_ones() -> None:
    found = heldout([("addition", 3), ("comparison", 3)], 21)
    assert len(found) == 21
    assert {split_of(problem.id) for problem in found} == {"heldout"}
    assert [problem.task for problem in found[:4]] == ["addition", "comparison"] * 2
    assert 4 <= len(heldout([("addition", 1)], 500)) < 55


def test_budgets_are_kept_and_votes_counted(model: Transformer, tokenizer: Tokenizer) -> None:
    sampler = Sampler(model, tokenizer)
    ways = by_budget(sampler, PROBLEMS, 4, (0, 3), wait=3)
    assert [way.name for way in ways] == ["no thought", "at most 0", "at most 3", "freely", "at least 3"]
    assert ways[1].forced == [True] * 4
    assert max(ways[2].tokens) <= 4 + 3 + 1
    voted = vote(sampler, PROBLEMS, Manner(4, 1.0, think=False), 3)
    assert len(voted.right) == 4
    assert min(voted.tokens) >= 3


def test_other_thoughts_are_put_in_as_asked() -> None:
    thoughts = [[1, 2, 3, 4], [5, 6], [7, 8, 9]]
    assert replaced("swapped", thoughts, 0.5, 0) == ([[5, 6], [7, 8, 9], [1, 2, 3, 4]], [1, 2, 0])
    assert replaced("shortened", thoughts, 0.5, 0)[0] == [[1, 2], [5], [7]]
    damaged = replaced("corrupted", thoughts, 0.5, 0)[0]
    assert [len(thought) for thought in damaged] == [4, 2, 3]
    changed = [sum(a != b for a, b in zip(x, y, strict=True)) for x, y in zip(thoughts, damaged, strict=True)]
    assert changed == [2, 1, 2]


@pytest.mark.parametrize("reads", [True, False])
def test_faithfulness_tells_a_reader_from_a_knower(
    model: Transformer, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch, reads: bool
) -> None:
    """One model copies its thought's last word as its answer, the other knows the answer whatever it reads."""
    problems = generate("addition", 2, 12, 1)
    by_question = {problem.question: problem for problem in problems}
    close = tokenizer.special["</think>"]

    def problem_of(text: str) -> Problem:
        return next(problem for question, problem in by_question.items() if question in text)

    class Model:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def run(self, requests: list[Request], bar: Any = None) -> list[Completion]:
            return [self._one(list(request.ids)) for request in requests]

        def _one(self, ids: list[int]) -> Completion:
            problem = problem_of(tokenizer.decode(ids))
            thought = tokenizer.encode(f"it is {problem.answer}")
            said = [*thought, close]
            if ids[-1] == close:
                read = tokenizer.decode(ids).rpartition("<think>")[2].removesuffix("</think>").split(" ")[-1]
                said, problem_answer = [], read if reads else problem.answer
            else:
                problem_answer = problem.answer
            said = [*said, *tokenizer.encode(problem_answer), tokenizer.turn_end]
            return Completion(said, [0.0] * len(said), "stop", forced=[False] * len(said))

    monkeypatch.setattr(faithful, "Engine", Model)
    monkeypatch.setattr("trivium.stages.rl.sampler.Engine", Model)
    found = faithfulness(model, tokenizer, problems, 40, share=0.9)
    rows = {row["thought"]: row for row in found["rows"]}
    assert found["n"] == 12
    assert rows["own"]["accuracy"]["value"] == 1
    assert found["faithful"] is reads
    assert rows["swapped"]["accuracy"]["value"] == (0 if reads else 1)
    assert rows["swapped"]["followed"]["value"] == (1 if reads else 0)


def test_lessons_teach_the_answer_alone_or_with_its_working(tokenizer: Tokenizer) -> None:
    problem = PROBLEMS[0]
    for think in (True, False):
        example = shown(tokenizer, problem, think)
        taught = tokenizer.decode(i for i, weight in zip(example.ids, example.weights, strict=True) if weight)
        assert (problem.thought in taught) is think
        assert problem.answer in taught
        assert "<|im_end|>" in taught
    direct = tokenizer.decode(i for i, w in zip(example.ids, example.weights, strict=True) if w)
    assert direct == f"{problem.answer}<|im_end|>"
    batch = Lessons([("addition", 2), ("reversal", 1)], tokenizer, 8, think=False).batch(0)
    assert float(batch.weights_BT.sum()) == pytest.approx(1.0)


def test_the_recipe_has_the_options_that_were_asked_for() -> None:
    assert [node.name for node in recipe("practice")(0).nodes] == ["start", "rl", "report"]
    options = asked(["random,vote", "sft"], warm=True, thinking=True)
    journey = recipe("+".join(("practice", *options)))(3)
    assert [node.name for node in journey.order()] == [
        "start", "warm", "rl", "control-random", "controls", "thinking", "report",
    ]  # fmt: skip
    assert journey.node("control-random").config.reward == "random"
    assert journey.node("controls").config.names == ("sft", "vote")
    assert journey.node("rl").inputs == {"model": "warm"}
    with pytest.raises(UsageError):
        asked(["luck"], warm=False, thinking=False)
    with pytest.raises(UsageError):
        recipe("nano+random")


@pytest.fixture
def sealed(tmp_path: Path, model: Transformer, tokenizer: Tokenizer) -> Callable[[], Path]:
    def seal() -> Path:
        with sealing(tmp_path / "model", Label("model", "sft", 1, {}), {}) as folder:
            save_model(folder, model, tokenizer.ends)
            tokenizer.save(folder)
            write_json(folder / "evals.json", {})
        return tmp_path / "model"

    return seal


def test_what_is_set_for_practice_holds_for_its_controls(sealed: Callable[[], Path]) -> None:
    folder = sealed()
    found = settings_of(folder, ["addition:2"], (), None, ("random",), ("rl.steps=3", "report.rollouts=2"))
    assert found == (
        f"start.model={folder}",
        "report.rollouts=2",
        'rl.tasks=["addition:2"]',
        "rl.steps=3",
        'control-random.tasks=["addition:2"]',
        "control-random.steps=3",
    )
    warm = settings_of(folder, ["addition:2"], (), None, ("warm",), ())
    assert warm == (f"start.model={folder}", "warm.task=addition", "warm.level=2", "warm.highest=2")
    high = settings_of(folder, ["multiplication:7"], (), None, ("warm",), ())
    assert override(recipe("practice+warm")(0), high).node("warm").config.level == 7
    several = settings_of(folder, ["addition:2", "reversal"], (), None, ("warm", "random"), ["control-random.steps=4"])
    assert several[1:5] == (
        "warm.task=addition", "warm.level=2", "warm.highest=2", 'warm.beside=["reversal"]',
    )  # fmt: skip
    assert 'rl.tasks=["addition:2", "reversal"]' in several
    assert several[-1] == "control-random.steps=4"
    judged = settings_of(folder, ["addition:2"], (), Path("/judge"), ("random",), ())
    assert [one for one in judged if "reward" in one] == ["rl.reward=model", "rl.reward_model=/judge"]


OWN = """
def problems():
    for n in range(40):
        yield {"question": f"Say a word of {n} letters.", "answer": "a" * n or "none", "n": n}


def verify(problem, answer):
    return len(answer) != 1000 and problem["n"] >= 0
"""


def test_practice_on_a_file_of_ones_own(sealed: Callable[[], Path], tmp_path: Path) -> None:
    """Drawn from the file, judged by the file; another content is another run; what is not open is refused."""
    from trivium.stages.rl.run import label_of, run

    torch.set_num_threads(1)
    path = tmp_path / "words.py"
    path.write_text(OWN)
    config = RlConfig(
        tasks=(f"own={path}",), steps=1, problems=64, samples=2, max_new=4, heldout=50, quick=4, look_every=1,
        think=False, pool=PoolConfig(share=0.5),
    )  # fmt: skip
    start = {"model": open_artifact(sealed(), "model")}
    found = run(config, start, tmp_path / "rl", How(progress=False, device="cpu", threads=1))
    evals = found.json("evals.json")
    assert evals["tasks"] == [f"own={path}"]
    assert 0 < evals["heldout"]["n"] < 20
    assert found.id == label_of(config, start).id
    path.write_text(OWN + "# changed")
    assert found.id != label_of(config, start).id
    with pytest.raises(UsageError, match="not open"):
        desk.generate(f"own={path}", 1, 1, 0)
    with pytest.raises(UsageError, match="no file"):
        label_of(RlConfig(tasks=("own=nowhere.py",)), start)


def test_the_desk_knows_files_while_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "sums.jsonl"
    path.write_text(
        "".join(json.dumps({"question": f"{n} and {n}?", "answer": f"#### {2 * n}"}) + "\n" for n in range(9))
    )
    name = f"gsm8k={path}"
    with desk.opened([name, "addition"]):
        problems = desk.generate(name, 0, 100, 0)
        assert 0 < len(problems) < 10
        assert desk.verify(problems[0], f"#### {problems[0].answer}").correct
        assert not desk.verify(problems[0], "#### 1000").correct
        assert desk.lenient(problems[0], f"It is {problems[0].answer}").correct
        assert desk.generate("addition", 2, 3, 0) == generate("addition", 2, 3, 0)
    with pytest.raises(UsageError):
        desk.verify(problems[0], "1")


def test_practice_on_a_model_alone_with_a_tool(sealed: Callable[[], Path], tmp_path: Path) -> None:
    """The whole stage, from a folder to a folder, with a tool, a budget and pass@k."""
    from trivium.stages.rl.run import run

    torch.set_num_threads(1)
    config = RlConfig(
        tasks=("addition:2", "reversal:1"), tools=("calculator",), budget=4, steps=2, problems=2, samples=2, max_new=8,
        heldout=6, quick=4, look_every=1, chances=2,
    )  # fmt: skip
    start = {"model": open_artifact(sealed(), "model")}
    found = run(config, start, tmp_path / "rl", How(progress=False, device="cpu", threads=1))
    evals = found.json("evals.json")
    assert evals["tasks"] == ["addition:2", "reversal:1"]
    assert set(evals["pass_at_k"]["after"]) == {"1", "2"}
    assert evals["tools"]["after"]["calls"] == 0
    assert evals["heldout"]["n"] == 6
    assert found.has("rollouts.parquet")
    with pytest.raises(UsageError):
        run(RlConfig(), start, tmp_path / "rl2", How(progress=False, device="cpu", threads=1))
