"""How far each pair of a head's numbers is turned from one position to the next, and the ways to stretch that.

Shapes: K head width. Ideas: RoPE (2104.09864); linear scaling (2306.15595); llama3 is Llama 3.1's (2407.21783), which
slows down the slow pairs, leaves the fast ones, and blends between.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from trivium.model.config import ModelConfig, RopeScaling


def frequencies(config: ModelConfig, device: torch.device) -> Tensor:
    """Radians for each step of position, `(K / 2,)`, fp32, fastest pair first."""
    half = torch.arange(0, config.head_dim, 2, dtype=torch.float32, device=device)
    plain_K = config.rope_theta ** (-half / config.head_dim)
    return plain_K if config.rope_scaling is None else plain_K / slowdown(plain_K, config.rope_scaling)


def slowdown(plain_K: Tensor, scaling: RopeScaling) -> Tensor:
    """What each frequency is divided by, same shape: 1 where nothing is stretched."""
    if scaling.kind == "linear":
        return torch.full_like(plain_K, scaling.factor)
    turns_K = scaling.original_positions * plain_K / (2 * math.pi)
    span = scaling.high_freq_factor - scaling.low_freq_factor
    kept_K = ((turns_K - scaling.low_freq_factor) / span).clamp(0, 1)
    return 1 / (kept_K + (1 - kept_K) / scaling.factor)
