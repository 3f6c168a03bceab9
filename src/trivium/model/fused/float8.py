"""A block whose products are in eight bits, strung together from fused steps; `model.float8` says what it computes.

Norms and the gate write eight bits by themselves, so that only what attention gives and three gradients are cast by a
kernel of their own. Shapes as in `block`; F feed-forward width, X numbers of all heads or of both halves of the gate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trivium.model.attention import Spans, attend
from trivium.model.float8 import BOTH, DOWN, E4M3, E5M2, HEADS, QKV, Cast, Layer, matrices, product, room
from trivium.model.fused.cast import cast, gate_cast, gate_slope_cast
from trivium.model.fused.heads import Heads, turn
from trivium.model.fused.norm import add, normed_slope

if TYPE_CHECKING:
    from trivium.model.transformer import Block


def float8_step(
    block: Block,
    layer: Layer,
    x_ND: Tensor,
    delta_ND: Tensor | None,
    rope: tuple[Tensor, Tensor],
    mask: Tensor | Spans | None,
    about: Heads,
) -> tuple[Tensor, Tensor]:
    """One block: the residual stream without, and what is still to be added to it."""
    qkv, heads, both, down = matrices(block)
    attention = block.self_attn
    x_ND, all_NX = _Attended.apply(x_ND, delta_ND, block.input_layernorm.weight, about.eps, layer, *qkv)
    gains = (attention.q_norm.weight, attention.k_norm.weight) if about.normed else (qkv[0], qkv[0])
    q, k, v = turn(all_NX, gains, rope, about)
    out_NX = attend(q, k, v, mask).transpose(1, 2).reshape(len(x_ND), -1)
    delta_ND = product(out_NX, layer, HEADS, heads)
    gain = block.post_attention_layernorm.weight
    x_ND, delta_ND = _FeedForward.apply(x_ND, delta_ND, gain, about.eps, layer, *both, *down)
    return x_ND, delta_ND


def _normed(layer: Layer, slot: int, total_ND: Tensor, inverse_N: Tensor, gain_D: Tensor) -> Cast:
    """The normed stream in eight bits."""
    made = room(total_ND.shape, E4M3, total_ND.device)
    layer.twice(slot, lambda: cast(total_ND, made, layer.scale[slot], layer.noted[slot], inverse_N, gain_D))
    return made


class _Attended(torch.autograd.Function):
    """Residual addition, norm, and the product that makes queries, keys and values."""

    @staticmethod
    def forward(
        ctx: Any, x_ND: Tensor, delta_ND: Tensor | None, gain_D: Tensor, eps: float, layer: Layer, *weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        total_ND, inverse_N = add(x_ND, delta_ND, gain_D, eps)
        x = _normed(layer, QKV, total_ND, inverse_N, gain_D)
        ctx.save_for_backward(total_ND, gain_D, inverse_N, x.columns, *weights)
        ctx.layer, ctx.added = layer, delta_ND is not None
        ctx.set_materialize_grads(False)
        return total_ND, layer.forward(QKV, x, weights, x_ND.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Any, ...]:
        total_ND, gain_D, inverse_N, columns_DN, *weights = ctx.saved_tensors
        slope = ctx.layer.cast(grads[1].contiguous(), 4 + QKV)
        slope_ND, slopes = ctx.layer.backward(QKV, slope, columns_DN, weights, total_ND.dtype)
        grad_ND, of_gain = normed_slope(slope_ND, grads[0], total_ND, gain_D, inverse_N)
        return grad_ND, grad_ND if ctx.added else None, of_gain, None, None, *slopes


class _FeedForward(torch.autograd.Function):
    """Residual addition, norm, and the feed-forward network; its three weights are those of gate, up and down."""

    @staticmethod
    def forward(
        ctx: Any, x_ND: Tensor, delta_ND: Tensor, gain_D: Tensor, eps: float, layer: Layer, *weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        total_ND, inverse_N = add(x_ND, delta_ND, gain_D, eps)
        x = _normed(layer, BOTH, total_ND, inverse_N, gain_D)
        both_NX = layer.forward(BOTH, x, weights[:2], x_ND.dtype)
        inner = room((len(both_NX), both_NX.shape[1] // 2), E4M3, x_ND.device)
        layer.twice(DOWN, lambda: gate_cast(both_NX, inner, layer.scale[DOWN], layer.noted[DOWN]))
        ctx.save_for_backward(total_ND, gain_D, inverse_N, x.columns, both_NX, inner.columns, *weights)
        ctx.layer = layer
        ctx.set_materialize_grads(False)
        return total_ND, layer.forward(DOWN, inner, weights[2:], x_ND.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Any, ...]:
        total_ND, gain_D, inverse_N, columns_DN, both_NX, columns_FN, *weights = ctx.saved_tensors
        layer: Layer = ctx.layer
        slope = layer.cast(grads[1].contiguous(), 4 + DOWN)
        slope_NF, of_down = layer.backward(DOWN, slope, columns_FN, weights[2:], total_ND.dtype)
        made, slot = room(both_NX.shape, E5M2, both_NX.device), 4 + BOTH
        layer.twice(slot, lambda: gate_slope_cast(slope_NF, both_NX, made, layer.scale[slot], layer.noted[slot]))
        slope_ND, slopes = layer.backward(BOTH, made, columns_DN, weights[:2], total_ND.dtype)
        grad_ND, of_gain = normed_slope(slope_ND, grads[0], total_ND, gain_D, inverse_N)
        return grad_ND, grad_ND, of_gain, None, None, *slopes, *of_down
