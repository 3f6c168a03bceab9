"""Learning from packed pairs, and a judge's figures: what is said of judges whose truth is known."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny_training import LABEL

from trivium.evals.preferences.judging import Ensemble, Judge
from trivium.evals.preferences.pairs import by_margin, calibration, length_bias, pair_figures
from trivium.ground.errors import Stopped
from trivium.ground.how import How
from trivium.model.config import ModelConfig, OptimizerConfig
from trivium.model.reward import RewardModel
from trivium.text.preferences.pairs import Encoded, Pair
from trivium.text.tokenizer import Tokenizer
from trivium.train.loop import Loop, LoopConfig
from trivium.train.packing import pack
from trivium.train.preferences.judged import JudgedPairs, judged_loss
from trivium.train.preferences.packed import PackedPairs, packed


def judge(vocabulary: int = 40, opinion: float = 0.3) -> RewardModel:
    torch.set_num_threads(1)
    model = RewardModel(
        ModelConfig(vocab_size=vocabulary, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                    num_attention_heads=2, num_key_value_heads=2, head_dim=16)
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2:
                size = opinion if "score" in name else 0.2
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * size)
    return model


def pairs(count: int, seed: int = 0, ties: bool = False) -> list[Pair]:
    """Conversations of numbers; the chosen one holds a 7 somewhere, the rejected one holds none."""
    rng = random.Random(seed)
    found = []
    for i in range(count):
        good, bad = ([rng.choice([n for n in range(30) if n != 7]) for _ in range(rng.randint(4, 9))] for _ in "ab")
        good[rng.randrange(len(good))] = 7
        sides = (Encoded([*some, 33], [False] * len(some) + [True]) for some in (good, bad))
        found.append(Pair(*sides, tie=ties and i % 3 == 0))
    return found


@pytest.mark.parametrize("room", [20, 64, 300])
def test_packed_pairs_lose_and_what_each_alone_loses(room: int) -> None:
    model, some = judge(), pairs(13, ties=True)
    source = JudgedPairs(some, room, batch=13, seed=0, pad=39)
    with torch.no_grad():
        score = [[model.scores(torch.tensor([side.ids]))[0, -1] for side in (p.chosen, p.rejected)] for p in some]
        margin = torch.stack([good - bad for good, bad in score])
        tie = torch.tensor([pair.tie for pair in some])
        wanted = torch.where(tie, -(F.logsigmoid(margin) + F.logsigmoid(-margin)) / 2, -F.logsigmoid(margin))
        parts = [source.batch(i) for i in range(source.steps_per_epoch)]
        assert sum(len(group) for i in range(source.steps_per_epoch) for group in source.groups(i)) == 13
        shares = [float(part.weights_BT.abs().sum()) for part in parts]
        assert shares == pytest.approx([1.0] * len(parts))
        if len(parts) == 1:
            torch.testing.assert_close(judged_loss(model, parts[0]), wanted.mean(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_no_split_into_microbatches_changes_the_gradient(rows: int) -> None:
    model, batch = judge(), JudgedPairs(pairs(12, ties=True), 40, 12, 0, 39).batch(0)
    judged_loss(model, batch).backward()
    wanted = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    for start in range(0, len(batch.ids_BT), rows):
        judged_loss(model, batch.rows(start, start + rows, torch.device("cpu"))).backward()
    for name, gradient in wanted.items():
        torch.testing.assert_close(model.get_parameter(name).grad, gradient, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(("count", "batch"), [(50, 8), (7, 8), (1, 4), (200, 16)])
def test_an_epoch_has_every_pair_once_in_steps_of_one_shape(count: int, batch: int) -> None:
    rng = random.Random(count)
    source = PackedPairs([rng.randint(5, 60) for _ in range(count)], 64, batch, seed=1)
    for epoch in range(2):
        steps = [source.groups(epoch * source.steps_per_epoch + i) for i in range(source.steps_per_epoch)]
        assert sorted(i for groups in steps for group in groups for i in group) == list(range(count))
        assert {len(groups) for groups in steps} == {source.rows}


def test_packing_is_best_fit_decreasing() -> None:
    rng = random.Random(0)
    lengths = [rng.randint(1, 90) for _ in range(300)]
    assert packed(lengths, 100) == pack(lengths, 100)


def test_a_rule_is_learned_and_a_resumed_run_has_the_same_bits(tmp_path: Path) -> None:
    def train(work: Path, stop_at: int = 0) -> RewardModel:
        model, how = judge(opinion=0.0), How(progress=False, threads=1, device="cpu")
        source = JudgedPairs(pairs(300), 64, 16, 0, 39)
        plan = LoopConfig(steps=60, optimizer=OptimizerConfig(muon_lr=0.02, embed_lr=0.01, head_lr=0.02))
        loop = Loop(model, source, plan, LABEL, work, how, objective=judged_loss)
        loop.run("test", lambda step: how.stop.request("the test") if step == stop_at else None)
        return model

    whole = train(tmp_path / "a")
    with pytest.raises(Stopped):
        train(tmp_path / "b", stop_at=23)
    other = train(tmp_path / "b")
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), other.parameters(), strict=True))
    fresh = JudgedPairs(pairs(100, seed=9), 64, 100, 0, 39)
    with torch.no_grad():
        assert judged_loss(whole.eval(), fresh.batch(0)).item() < 0.35


def test_scores_do_not_depend_on_the_company(byte_tokenizer: Tokenizer) -> None:
    told = Judge(judge(byte_tokenizer.size), byte_tokenizer)
    asked, said = ["Hi", "How are you?", "Hi", ""] * 20, ["Hello!", "Well, thank you. " * 9, "", "So?"] * 20
    together = told(asked, said)
    alone = [float(told(asked[i : i + 1], said[i : i + 1])[0]) for i in range(4)]
    assert together == pytest.approx(alone * 20, abs=1e-5)
    assert len(told([], [])) == 0


def test_an_ensemble_is_as_sure_as_its_members_agree() -> None:
    def member(slope: float) -> object:
        return lambda _prompts, answers: np.array([slope * len(a) for a in answers], float)

    asked, said = ["p"] * 4, ["a", "bb", "ccc", "dddd"]
    ways = {way: Ensemble([member(1), member(10), member(-1)], way).fit(asked, said) for way in ("mean", "min", "wary")}  # type: ignore[list-item]
    mean, worst, wary = (ways[way](asked, said) for way in ("mean", "min", "wary"))
    assert (np.diff(mean) > 0).all(), "two of three like it long, on one scale"
    assert (worst <= mean).all() and (wary <= mean).all()
    assert worst[0] == pytest.approx(worst[3]), "the ends have somebody who hates them"


def figures(scores: np.ndarray, lengths: np.ndarray, ties: list[bool] | None = None, longer: bool = True) -> dict:
    return pair_figures(
        scores, lengths, [str(i // 2) for i in range(len(scores))], ties or [False] * len(scores), longer
    )


def test_figures_of_one_who_knows_and_of_a_ruler() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 100, (400, 2))
    knows = figures(np.stack([np.ones(400), np.zeros(400)], 1), lengths)
    assert knows["accuracy"]["value"] == 1.0 and knows["accuracy_by_prompt"]["n"] == 200
    assert knows["length_alone"]["low"] < 0.5 < knows["length_alone"]["high"]
    assert knows["above_length"]["low"] > 0.4
    ruler = figures(lengths.astype(float), lengths)
    assert ruler["length_bias"]["within_pairs"]["low"] > 0.7
    assert ruler["above_length"]["value"] == 0.0
    assert abs(figures(rng.normal(size=(400, 2)), lengths)["length_bias"]["within_pairs"]["value"]) < 0.15


def test_ties_are_in_no_accuracy_and_equal_scores_are_never_right() -> None:
    lengths = np.ones((4, 2), int)
    found = figures(np.array([[1.0, 0], [0, 0], [5, 0], [0, 9]]), lengths, [False, False, True, True])
    assert (found["pairs"], found["ties"], found["accuracy"]["value"]) == (2, 2, 0.5)
    assert found["margin_of_ties"]["value"] == 7.0


def test_accuracy_rises_with_the_margin_and_certainty_is_checked() -> None:
    rng = np.random.default_rng(1)
    margin = rng.normal(0, 2, 20_000)
    right = rng.random(20_000) < 1 / (1 + np.exp(-np.abs(margin)))
    said = np.where(right, np.abs(margin), -np.abs(margin))
    shares = [row["accuracy"]["value"] for row in by_margin(said)]
    assert shares == sorted(shares) and shares[0] < 0.6 < 0.9 < shares[-1]
    assert calibration(said, 10)["error"] < 0.02 < 0.1 < calibration(said * 10, 10)["error"]
    told = np.where(np.arange(20_000) % 2, np.nan, np.abs(margin))
    assert sum(row["accuracy"]["n"] for row in by_margin(said, told)) == 10_000
    assert length_bias(np.zeros((2, 2)), np.ones((2, 2), int)) == {"over_answers": None, "within_pairs": None}
