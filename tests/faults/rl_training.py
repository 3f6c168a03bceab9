"""RL of milliseconds a step, on any number of ranks: real problems, a coin for a reward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from trivium.ground.artifact import Label
from trivium.ground.how import How
from trivium.model.config import ModelConfig, OptimizerConfig
from trivium.model.transformer import Transformer
from trivium.stages.rl.config import ObjectiveConfig, PoolConfig, RlConfig
from trivium.stages.rl.objective import Objective
from trivium.stages.rl.pool import Pool
from trivium.stages.rl.practice import Practice
from trivium.stages.rl.rewards import scorer_of
from trivium.stages.rl.run import manner_of
from trivium.stages.rl.sampler import Sampler
from trivium.text.tokenizer import Tokenizer
from trivium.train.loop import Loop, LoopConfig

CONFIG = RlConfig(
    reward="random", steps=4, problems=5, samples=4, max_new=5, updates=2,
    objective=ObjectiveConfig(advantage="deviation"), pool=PoolConfig(share=0.5, rest=0, resample=1),
)  # fmt: skip


def practise(how: How, folder: Path, name: str, after: Any = None, seed: int = 0) -> None:
    """One run; each rank leaves its weights."""
    torch.set_num_threads(1)
    tokenizer = Tokenizer({bytes([i]): i for i in range(256)}, "qwen2")
    shape = ModelConfig(
        vocab_size=tokenizer.size, hidden_size=32, intermediate_size=32, head_dim=16, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2,
    )  # fmt: skip
    model = Transformer(shape)
    model.init_weights(torch.Generator().manual_seed(seed + how.place.rank))  # those of rank 0 must count
    pool = Pool(CONFIG.pool, [("addition", 2)], CONFIG.seed)
    scorer = scorer_of(CONFIG, model.device, torch.float32)
    work = folder / name
    practice = Practice(CONFIG, pool, Sampler(model, tokenizer), scorer, manner_of(CONFIG, []), work / "rollouts", how)
    objective = Objective(CONFIG.objective, 1.0, stale=True)
    plan = LoopConfig(steps=CONFIG.steps, optimizer=OptimizerConfig(muon_lr=0.02, embed_lr=0.01, head_lr=0.01))
    loop = Loop(model, practice, plan, Label("model", "rl", 1, {}), work, how, objective, spikes=False)
    loop.run(name, after)
    save_file(
        {n: p.detach().clone() for n, p in model.named_parameters()}, folder / f"{name}-{how.place.rank}.safetensors"
    )
