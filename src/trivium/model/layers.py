"""The parts of a block: matrices, norms, positions, the feed-forward network. Shapes as in `transformer`."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trivium.model.config import ModelConfig
from trivium.model.rope import frequencies


class Linear(nn.Linear):
    """A matrix, with a bias where asked for, that is cast to the dtype of what it multiplies."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False) -> None:
        super().__init__(inputs, outputs, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """`x` times the matrix, in the dtype of `x`."""
        return F.linear(x, self.weight.to(x.dtype), None if self.bias is None else self.bias.to(x.dtype))


class _UnitRMS(torch.autograd.Function):
    """Rows divided by their root mean square. Written out because autograd keeps twice the tensors and takes twice the
    time for it, and norms are a fifth of a small model's step on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float) -> Tensor:
        wide = x.float()
        norm = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
        inverse = norm.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        unit = (wide * inverse if wide is x else wide.mul_(inverse)).to(x.dtype)
        ctx.save_for_backward(unit, inverse)
        return unit

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        unit, inverse = ctx.saved_tensors
        slope = torch.linalg.vecdot(grads[0], unit)[..., None] / -unit.shape[-1]
        return torch.addcmul(grads[0], unit, slope).mul_(inverse.to(unit.dtype)), None


def unit_rms(x: Tensor, eps: float) -> Tensor:
    """`x` divided by its root mean square over the last axis, same shape and dtype."""
    result: Tensor = _UnitRMS.apply(x, eps)
    return result


class RMSNorm(nn.Module):
    """Divide by the root mean square over the last axis (in fp32), times a learned gain."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Same shape and dtype as `x`."""
        return unit_rms(x, self.eps) * self.weight.to(x.dtype)


def rope_table(config: ModelConfig, positions_BT: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines of each position's angles, `(B, T, 1, K)` each."""
    angles_BTK = positions_BT[..., None].float() * frequencies(config, positions_BT.device)
    cos, sin = angles_BTK.cos(), angles_BTK.sin()
    return torch.cat([cos, cos], -1).to(dtype)[:, :, None], torch.cat([-sin, sin], -1).to(dtype)[:, :, None]


def rotate(x_BTHK: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
    """RoPE with the two halves of a head as the pairs (the convention of `transformers`)."""
    cos, sin = rope
    return torch.addcmul(x_BTHK * cos, x_BTHK.roll(x_BTHK.shape[-1] // 2, -1), sin)


class FeedForward(nn.Module):
    """SwiGLU: a gated two-layer network applied to each token alone."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = Linear(config.hidden_size, config.intermediate_size, config.mlp_bias)
        self.up_proj = Linear(config.hidden_size, config.intermediate_size, config.mlp_bias)
        self.down_proj = Linear(config.intermediate_size, config.hidden_size, config.mlp_bias)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Same shape as `x_BTD`."""
        return self.down_proj(F.silu(self.gate_proj(x_BTD)) * self.up_proj(x_BTD))
