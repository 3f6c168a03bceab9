"""RL with a scorer: it goes where the scorer points, the price of distance holds it, and its slope is k3's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trivium.ground.artifact import Label
from trivium.ground.errors import ConfigError
from trivium.ground.how import How
from trivium.model.config import ModelConfig, OptimizerConfig
from trivium.model.transformer import Transformer
from trivium.stages.rl.judged.run import JudgedConfig, JudgedPractice, practise
from trivium.text.tokenizer import Tokenizer

RATES = OptimizerConfig(muon_lr=0.03, embed_lr=0.03, head_lr=0.03, momentum=0.9)
ASKED = [[{"role": "user", "content": text}] for text in ("a", "b", "c")]


def early_letters(_prompts: Sequence[Any], answers: Sequence[str]) -> np.ndarray:
    return np.array([sum("a" <= letter <= "m" for letter in text) for text in answers], float)


def small(tokenizer: Tokenizer, seed: int = 0) -> Transformer:
    torch.set_num_threads(1)
    model = Transformer(
        ModelConfig(vocab_size=tokenizer.size, hidden_size=32, intermediate_size=48, num_hidden_layers=1,
                    num_attention_heads=2, num_key_value_heads=2, head_dim=16)
    )  # fmt: skip
    model.init_weights(torch.Generator().manual_seed(seed))
    return model


def run(tokenizer: Tokenizer, work: Path, **fields: Any) -> tuple[JudgedPractice, list[dict[str, Any]]]:
    config = JudgedConfig(
        **({"steps": 12, "prompts": 3, "samples": 16, "max_new": 8, "whole": False, "optimizer": RATES} | fields)
    )
    practice = JudgedPractice(config, small(tokenizer), small(tokenizer), tokenizer, early_letters, ASKED)
    rows: list[dict[str, Any]] = []
    how = How(progress=False, threads=1, device="cpu", checkpoint_seconds=1e9)
    practise(practice, Label("model", "toy", 1, config), work, how, lambda _step, _model: rows.append(practice.facts))
    return practice, rows


def test_it_goes_where_the_scorer_points_and_a_price_holds_it(byte_tokenizer: Tokenizer, tmp_path: Path) -> None:
    _, free = run(byte_tokenizer, tmp_path / "free", kl=0.0, steps=25)
    _, held = run(byte_tokenizer, tmp_path / "held", kl=3.0, steps=25)
    assert free[0]["kl"] == pytest.approx(0.0, abs=0.02)
    assert held[-1]["kl"] < free[-1]["kl"] / 2
    assert free[-1]["kl_k3"] > 0
    assert free[-1]["reward"] > free[0]["reward"] + 0.5


def test_an_answer_that_is_cut_off_is_the_worst(byte_tokenizer: Tokenizer) -> None:
    config = JudgedConfig(prompts=2, samples=4, max_new=2)
    practice = JudgedPractice(
        config, small(byte_tokenizer), small(byte_tokenizer), byte_tokenizer, early_letters, ASKED
    )
    assert practice.batch(0) is None, "all are cut off, so none is better"
    assert practice.facts["truncated"] == 1.0


def test_practice_ends_at_a_distance(byte_tokenizer: Tokenizer, tmp_path: Path) -> None:
    _, rows = run(byte_tokenizer, tmp_path / "work", kl=0.0, stop_kl=0.5, steps=40)
    assert len(rows) < 40 and rows[-1]["kl"] >= 0.5
    assert all(row["kl"] < 0.5 for row in rows[:-1])


def test_the_slope_in_a_weight_is_that_of_k3(byte_tokenizer: Tokenizer) -> None:
    gap = torch.tensor([-0.7, 0.0, 1.3], requires_grad=True)
    (torch.exp(-gap) - 1 + gap).sum().backward()
    assert gap.grad is not None
    torch.testing.assert_close(gap.grad, 1 - torch.exp(-gap.detach()))


def test_the_same_step_and_weights_sample_the_same(byte_tokenizer: Tokenizer) -> None:
    config = JudgedConfig(prompts=2, samples=4, max_new=8)
    told = []
    for _ in "ab":
        practice = JudgedPractice(
            config, small(byte_tokenizer), small(byte_tokenizer), byte_tokenizer, early_letters, ASKED
        )
        told.append([completion.ids for completion in practice.sample(5)[1]])
    assert told[0] == told[1]
    assert len({tuple(ids) for ids in told[0]}) == 8, "each answer has a seed of its own"


def test_what_cannot_be_meant_is_refused() -> None:
    for fields in ({"samples": 1}, {"kl": -1.0}, {"steps": 0}, {"stop_kl": -1.0}):
        with pytest.raises(ConfigError):
            JudgedConfig(**fields)
