"""Practice: the loop that learns, the control that does not, masks, stale rollouts, and resume to the bit."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from trivium.evals.intervals import difference
from trivium.ground.errors import Stopped
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.model.transformer import Transformer
from trivium.stages.rl import rewards
from trivium.stages.rl.config import ObjectiveConfig, PoolConfig, RlConfig
from trivium.stages.rl.rewards import verified
from trivium.stages.rl.rollouts import batch_of, from_record, grade, signal, to_record, weigh, write_table
from trivium.stages.rl.sampler import Answer
from trivium.tasks.problem import Problem, Verdict
from trivium.tasks.registry import generate
from trivium.text.chat import parse, prompt
from trivium.text.tokenizer import Tokenizer

pytestmark = pytest.mark.filterwarnings("ignore:.*will be encoded as:UserWarning")


PLAIN = ObjectiveConfig()


def answered(tokenizer: Tokenizer, problem: Problem, ids: list[int], finish: str = "stop") -> Answer:
    asked = prompt(tokenizer, [{"role": "user", "content": problem.question}], True)
    one = Answer(asked, 0, ids, [True] * len(ids), [-1.0] * len(ids), finish, done=True)
    one.turns.append(parse(tokenizer, ids, True))
    return one


def graded(problem: Problem, answers: list[Answer], objective: ObjectiveConfig = PLAIN) -> list[Any]:
    return weigh([grade([problem] * len(answers), answers, verified, objective, 16, 0)], objective)[0]


@pytest.fixture
def problem() -> Problem:
    return generate("addition", 1, 1, 0)[0]


def test_practice_solves_the_bandit(trial: Any, bandit: None) -> None:
    practised = trial()
    assert 0.2 < practised.share_right() < 0.6
    practised.run()
    assert practised.share_right() > 0.95


@pytest.mark.parametrize(
    "objective",
    [
        ObjectiveConfig(advantage="deviation", mean="answers", clip_high=0.28),
        ObjectiveConfig(kind="truncated", advantage="loo", mean="longest", clip_high=1.0),
        ObjectiveConfig(advantage="max"),
        ObjectiveConfig(advantage="batch"),
    ],
)
def test_the_field_s_switches_all_learn(trial: Any, bandit: None, objective: ObjectiveConfig) -> None:
    practised = trial(objective=objective, updates=2, pool=PoolConfig(resample=1))
    before = practised.share_right()
    practised.run()
    assert practised.share_right() > max(0.8, before + 0.2)
    last = [line for line in read_jsonl(practised.folder / "metrics.jsonl") if not line.get("skipped")][-1]
    assert "clip_ratio/region_mean" in last


def test_random_reward_stays_flat(trial: Any, bandit: None) -> None:
    practised = trial(reward="random", problems=8)
    before = practised.share_right()
    practised.run()
    n = 16 * 8
    gain = difference(round(practised.share_right() * n), n, round(before * n), n)
    assert gain.low < 0.15


def test_a_model_that_is_held_stays_near(trial: Any, bandit: None, model: Transformer) -> None:
    first = Transformer(model.config)
    first.load_state_dict(model.state_dict())
    start = {name: value.clone() for name, value in model.state_dict().items()}
    free = trial("free", steps=20, objective=ObjectiveConfig(kl=1e-6))
    free.run(first=first)
    model.load_state_dict(start)
    for name, objective in (
        ("held", ObjectiveConfig(kl=1.0)),
        ("held-reward", ObjectiveConfig(kl=1.0, kl_in_reward=True, kl_form="k1")),
    ):
        held = trial(name, steps=20, objective=objective)
        held.run(first=first)
        model.load_state_dict(start)
        far, near = (
            [line["kl"] for line in read_jsonl(one.folder / "metrics.jsonl") if "kl" in line][-1]
            for one in (free, held)
        )
        assert abs(near) < far / 2


def test_sampler_and_trainer_agree_on_log_probabilities(trial: Any, bandit: None) -> None:
    for temperature in (1.0, 0.7):
        practised = trial(f"at-{temperature}", steps=6, temperature=temperature, max_new=12)
        practised.run()
        gaps = [line["logprob_gap_max"] for line in read_jsonl(practised.folder / "metrics.jsonl")
                if "logprob_gap_max" in line]  # fmt: skip
        assert len(gaps) >= 3
        assert max(gaps) <= 1e-5


def test_advantages_sum_to_zero_and_only_the_answer_is_trained(trial: Any, bandit: None) -> None:
    practice = trial().practice()
    groups, _ = practice.sample(0)
    for group in groups:
        assert abs(sum(rollout.advantage for rollout in group)) < 1e-9
    batch = practice.batch(0)
    assert batch is not None
    useful = [r for group in groups for r in group if signal(group)]
    tokens = sum(len(r.ids) for r in useful)
    assert int(batch.more["own"].sum()) == tokens
    assert not bool((batch.weights_BT * (1 - batch.more["own"])).any())
    expected = sum(r.advantage * len(r.ids) for r in useful) / tokens
    assert float(batch.weights_BT.sum()) == pytest.approx(expected, abs=1e-5)


def test_the_end_of_the_turn_is_trained(tokenizer: Tokenizer, problem: Problem) -> None:
    end, close = tokenizer.turn_end, tokenizer.special["</think>"]
    said = [[close, *tokenizer.encode(text), end] for text in (problem.answer, "x")]
    group = graded(problem, [answered(tokenizer, problem, ids) for ids in said])
    assert [rollout.reward for rollout in group] == [1.0, 0.0]
    batch = batch_of([group], ObjectiveConfig(), 16, 0)
    assert batch is not None
    assert int((batch.weights_BT[batch.targets_BT == end] != 0).sum()) == 2


def test_an_unended_turn_is_wrong_masked_or_penalised(tokenizer: Tokenizer, problem: Problem) -> None:
    close = tokenizer.special["</think>"]
    right = [close, *tokenizer.encode(problem.answer)]
    answers = [
        answered(tokenizer, problem, right, "length"),
        answered(tokenizer, problem, [*right, tokenizer.turn_end]),
    ]
    assert [r.reward for r in graded(problem, answers)] == [0, 1]
    masked = ObjectiveConfig(overlong="masked")
    batch = batch_of([graded(problem, answers, masked)], masked, 16, 0)
    assert batch is not None
    assert int(batch.more["own"].sum()) == len(right) + 1
    strict = ObjectiveConfig(overlong="penalised", overlong_margin=16)
    assert graded(problem, answers, strict)[0].parts["overlong"] == -len(right) / 16


def test_groups_without_signal_give_no_batch(trial: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewards, "verify", lambda _problem, _text: Verdict(False, None))
    assert trial().practice().batch(0) is None


def test_dynamic_sampling_fills_the_place_of_silent_groups(trial: Any, bandit: None) -> None:
    plain, filled = (trial(samples=2, problems=8, pool=PoolConfig(resample=n)).practice().sample(0) for n in (0, 3))
    assert len(plain[0]) == len(filled[0]) == 8
    assert sum(map(signal, filled[0])) > sum(map(signal, plain[0]))
    assert (plain[1], filled[1] > 8) == (8, True)
    many = {rollout.problem.question for group in filled[0] for rollout in group}
    assert len(many) >= 7  # a new problem may be one that was tried already


@pytest.mark.parametrize("changes", [{}, {"updates": 2, "pool": PoolConfig(share=0.5, rest=0, resample=1)}])
def test_resumed_rl_ends_on_the_same_bits(
    trial: Any, model: Transformer, bandit: None, changes: dict[str, Any]
) -> None:
    first = {name: value.clone() for name, value in model.state_dict().items()}
    trial("whole", steps=5, **changes).run()
    whole = {name: value.clone() for name, value in model.state_dict().items()}
    how = How(progress=False)
    how.stop.request("a test")
    for _ in range(4):
        model.load_state_dict(first)
        with pytest.raises(Stopped):
            trial("parts", steps=5, **changes).run(how)
    model.load_state_dict(first)
    parts = trial("parts", steps=5, **changes)
    parts.run()
    assert all(torch.equal(value, whole[name]) for name, value in model.state_dict().items())
    written = [
        {path.name: path.read_text() for path in (parts.folder.parent / name / "rollouts").iterdir()}
        for name in ("whole", "parts")
    ]
    assert written[0] == written[1]


def test_rollouts_come_back_as_they_were_and_as_a_table(trial: Any, bandit: None, tmp_path: Path) -> None:
    practice = trial().practice()
    practice.batch(0)
    groups = practice._round[1]
    for group in groups:
        for rollout in group:
            assert from_record(to_record(rollout, 1)) == rollout
    count = write_table(practice.folder, tmp_path / "rollouts.parquet")
    table = pq.read_table(tmp_path / "rollouts.parquet")
    assert count == table.num_rows == 32
    row = table.slice(0, 1).to_pylist()[0]
    first = groups[0][0]
    assert (row["ids"], row["own"], row["seed"]) == (first.ids, first.own, str(first.seed))
    assert dict(row["parts"]) == {"answer": row["reward"]}
    assert row["logprobs"] == pytest.approx(first.logprobs)


def test_a_config_that_makes_no_sense_is_refused() -> None:
    from trivium.ground.errors import ConfigError

    for wrong in ({"reward": "nice"}, {"updates": 0}, {"budget": 3, "think": False}):
        with pytest.raises(ConfigError):
            RlConfig(**wrong)  # type: ignore[arg-type]
    for wrong in ({"advantage": "x"}, {"kl": 0.1, "kl_form": "k1"}, {"clip_low": 1.0}):
        with pytest.raises(ConfigError):
            ObjectiveConfig(**wrong)  # type: ignore[arg-type]
    assert dataclasses.replace(RlConfig(), think=None).think is None
