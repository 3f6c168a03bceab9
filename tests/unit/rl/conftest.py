"""A model of one layer over bytes, a task that it solves now and then, and practice on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from trivium.ground.artifact import Label
from trivium.ground.how import How
from trivium.model.config import ModelConfig, OptimizerConfig
from trivium.model.transformer import Transformer
from trivium.stages.rl import rewards, sampler
from trivium.stages.rl.config import RlConfig
from trivium.stages.rl.objective import Objective
from trivium.stages.rl.pool import Pool
from trivium.stages.rl.practice import Practice, watched
from trivium.stages.rl.rewards import scorer_of
from trivium.stages.rl.run import manner_of
from trivium.stages.rl.sampler import Sampler
from trivium.tasks.problem import Verdict
from trivium.text.tokenizer import Tokenizer
from trivium.tools.tool import Tool
from trivium.train.loop import Loop, LoopConfig

LABEL = Label("model", "rl", 1, {})
FAST = OptimizerConfig(muon_lr=0.02, embed_lr=0.01, head_lr=0.01)
QUIET = How(progress=False)


@pytest.fixture
def tokenizer(byte_tokenizer: Tokenizer) -> Tokenizer:
    return byte_tokenizer


@pytest.fixture
def model(tokenizer: Tokenizer) -> Transformer:
    torch.set_num_threads(1)
    model = Transformer(
        ModelConfig(
            vocab_size=tokenizer.size,
            hidden_size=32,
            intermediate_size=32,
            head_dim=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
        )
    )
    model.init_weights(torch.Generator().manual_seed(0))
    return model


@pytest.fixture
def config() -> Callable[..., RlConfig]:
    return lambda **changes: dataclasses.replace(RlConfig(steps=40, problems=4, samples=8, max_new=3), **changes)


@pytest.fixture
def bandit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that a random model solves now and then: the first byte written must be below 96."""

    def read(_tokenizer: Tokenizer, ids: list[int], think: bool) -> Any:
        return SimpleNamespace(closed=True, thinking="", content=" ".join(map(str, ids)), calls=())

    monkeypatch.setattr(sampler, "parse", read)
    monkeypatch.setattr(rewards, "verify", lambda _problem, text: Verdict(int(text.split()[0]) < 96, None))


class Trial:
    """Practice and the loop around it."""

    def __init__(self, folder: Path, model: Transformer, tokenizer: Tokenizer, config: RlConfig) -> None:
        self.folder, self.model, self.tokenizer, self.config = folder, model, tokenizer, config

    def practice(self, how: How = QUIET, name: str = "rollouts", tools: tuple[Tool, ...] = ()) -> Practice:
        config = self.config
        pool = Pool(config.pool, [("addition", 1)], config.seed)
        scorer = scorer_of(config, self.model.device, torch.float32)
        drawer = Sampler(self.model, self.tokenizer)
        return Practice(config, pool, drawer, scorer, manner_of(config, tools), self.folder / name, how)

    def run(self, how: How = QUIET, first: Transformer | None = None) -> Loop:
        config = self.config
        objective = Objective(config.objective, config.temperature, config.updates > 1, first)
        plan = LoopConfig(steps=config.steps, optimizer=FAST)
        loop = Loop(self.model, self.practice(how), plan, LABEL, self.folder, how, objective, spikes=False)
        loop.run("rl", watched(lambda _step: objective.figures()))
        return loop

    def share_right(self) -> float:
        probe = Trial(self.folder, self.model, self.tokenizer, dataclasses.replace(self.config, seed=99, problems=16))
        groups, _ = probe.practice(name="probe").sample(0)
        found = [rollout.correct for group in groups for rollout in group]
        return sum(found) / len(found)


@pytest.fixture
def trial(tmp_path: Path, model: Transformer, tokenizer: Tokenizer, config: Callable[..., RlConfig]) -> Any:
    def make(folder: str = "run", **changes: Any) -> Trial:
        return Trial(tmp_path / folder, model, tokenizer, config(**changes))

    return make
