"""A training run of milliseconds a step: a two-layer model, documents of counting, and the real loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from trivium.ground.artifact import Label
from trivium.ground.how import How
from trivium.model.config import ModelConfig, OptimizerConfig
from trivium.model.transformer import Transformer
from trivium.text.shards import TokenShard
from trivium.train.loop import Loop, LoopConfig
from trivium.train.packing import StreamRows
from trivium.train.schedule import ScheduleConfig

LABEL = Label("model", "toy", 1, {"seed": 1})
QUIET = How(progress=False, threads=1, device="cpu")
VOCABULARY = 47
END = 46


def model(dtype: torch.dtype = torch.float32, seed: int = 0, **changes: Any) -> Transformer:
    """A tiny Qwen3-shaped model with weights from the seed."""
    torch.set_num_threads(1)
    shape = ModelConfig(
        **{
            "vocab_size": VOCABULARY,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 16,
            **changes,
        }
    )
    found = Transformer(shape, dtype)
    found.init_weights(torch.Generator().manual_seed(seed))
    return found


def shard(documents: int = 40) -> TokenShard:
    """Documents that count on from somewhere, in steps of one to three, each closed by the end of text."""
    rng = np.random.Generator(np.random.Philox(key=7))
    texts = []
    for _ in range(documents):
        start, step, length = rng.integers(46), rng.integers(1, 4), rng.integers(5, 40)
        texts.append([*((start + step * np.arange(length)) % 46), END])
    offsets = np.cumsum([0, *map(len, texts)])
    return TokenShard(np.concatenate(texts).astype(np.uint16), offsets, Path("no-records"))


def loop(
    module: torch.nn.Module, work: Path, steps: int = 12, how: How = QUIET, source: Any = None, **options: Any
) -> Loop:
    """The real loop over four rows of 24 tokens a step. Options: microbatch_tokens, max_grad_norm, objective, label."""
    plan = {name: options.pop(name) for name in ("microbatch_tokens", "max_grad_norm") if name in options}
    config = LoopConfig(
        steps=steps,
        optimizer=OptimizerConfig(muon_lr=0.02, embed_lr=0.01, head_lr=0.01, weight_decay=0.01),
        schedule=ScheduleConfig(warmup=0.2, decay=0.5, floor=0.1),
        **plan,
    )
    rows = source if source is not None else StreamRows(shard(), 24, 4, seed=3)
    return Loop(module, rows, config, options.pop("label", LABEL), work, how, **options)


def weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A copy of the weights by name."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    """Whether two sets of tensors are equal bit for bit."""
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())
