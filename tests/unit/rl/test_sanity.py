"""The loop's sanity: problems that a model solves 20 to 80 % of the time become solved; a coin teaches nothing.

(prime-rl's rule for its own loop, at the size of a test: real problems, the real verifier, nothing patched.)
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from trivium.evals.intervals import Interval, paired_difference
from trivium.ground.how import How
from trivium.model.config import ModelConfig, OptimizerConfig
from trivium.model.transformer import Transformer
from trivium.stages.rl.config import PoolConfig, RlConfig
from trivium.stages.rl.objective import Objective
from trivium.stages.rl.pool import Pool
from trivium.stages.rl.practice import Practice
from trivium.stages.rl.rewards import judged, scorer_of
from trivium.stages.rl.run import manner_of
from trivium.stages.rl.sampler import Sampler
from trivium.stages.rl.supervised import Lessons, teach
from trivium.tasks.problem import Problem
from trivium.tasks.registry import generate
from trivium.text.tokenizer import Tokenizer
from trivium.train.loop import Loop, LoopConfig

SAMPLES = 16
LEARNING = OptimizerConfig(muon_lr=0.005, embed_lr=0.0025, head_lr=0.00125, momentum=0.9)
CONFIG = RlConfig(think=False, problems=16, samples=8, max_new=6, steps=110, optimizer=LEARNING)
QUIET = How(progress=False)


class Fixed(Pool):
    """The same problems, round after round."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(PoolConfig(), [("comparison", 1)], 0)
        self.problems = problems

    def draw(self, number: int, count: int) -> list[Problem]:
        start = number * count
        return [self.problems[(start + i) % len(self.problems)] for i in range(count)]


def rates(model: Transformer, tokenizer: Tokenizer, problems: list[Problem]) -> list[float]:
    asked = [problem for problem in problems for _ in range(SAMPLES)]
    manner = manner_of(CONFIG, [])
    drawn = Sampler(model, tokenizer).draw([p.question for p in asked], range(len(asked)), manner)
    right = [judged(problem, answer) for problem, answer in zip(asked, drawn, strict=True)]
    return [sum(right[i : i + SAMPLES]) / SAMPLES for i in range(0, len(right), SAMPLES)]


def practised(
    start: dict[str, torch.Tensor], model: Transformer, tokenizer: Tokenizer, problems: list[Problem], work: Path,
    config: RlConfig,
) -> tuple[float, Interval]:  # fmt: skip
    """Accuracy after practice on these problems, sampled, and its paired gain."""
    model.load_state_dict(start)
    before = rates(model, tokenizer, problems)
    scorer = scorer_of(config, model.device, torch.float32)
    practice = Practice(
        config, Fixed(problems), Sampler(model, tokenizer), scorer, manner_of(config, []), work / "r", QUIET
    )
    loop = Loop(
        model, practice, LoopConfig(steps=config.steps, optimizer=config.optimizer), _label(), work, QUIET,
        Objective(config.objective, 1.0, False), spikes=False,
    )  # fmt: skip
    loop.run("rl")
    after = rates(model, tokenizer, problems)
    return sum(after) / len(after), paired_difference(after, before)


def _label() -> Any:
    from trivium.ground.artifact import Label

    return Label("model", "rl", 1, {})


@pytest.mark.slow
def test_half_solved_problems_become_solved_and_a_coin_teaches_nothing(tmp_path: Path, tokenizer: Tokenizer) -> None:
    torch.set_num_threads(1)
    shape = ModelConfig(
        vocab_size=tokenizer.size, hidden_size=64, intermediate_size=128, head_dim=32, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2,
    )  # fmt: skip
    model = Transformer(shape)
    model.init_weights(torch.Generator().manual_seed(0))
    lessons = Lessons([("comparison", 1)], tokenizer, 32, think=False)
    teach(model, lessons, 9_000, tmp_path / "sft", "start", QUIET, OptimizerConfig())
    problems = generate("comparison", 1, 60, 0)
    found = rates(model, tokenizer, problems)
    edge = [problem for problem, rate in zip(problems, found, strict=True) if 0.2 <= rate <= 0.8]
    assert len(edge) >= 8
    start = {name: value.clone() for name, value in model.state_dict().items()}
    accuracy, gain = practised(start, model, tokenizer, edge, tmp_path / "real", CONFIG)
    # At the stage's own rates: Muon makes every update equally large, so that at higher ones a coin's noise does harm.
    coin = dataclasses.replace(CONFIG, reward="random", optimizer=RlConfig().optimizer, steps=RlConfig().steps)
    _, drift = practised(start, model, tokenizer, edge, tmp_path / "coin", coin)
    print(f"{len(edge)} problems: {accuracy:.3f}, gained {gain.text()}; by a coin {drift.text()}")
    assert accuracy > 0.95
    assert -0.15 < drift.value < 0.15
    assert drift.high < gain.low
