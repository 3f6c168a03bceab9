"""The blocks of a transformer strung together from the fused steps: the same mathematics, for training on a GPU.

The residual addition of one half-block is done by the norm of the next, so that between two matrix products each number
is read and written once. Rounded where the kernels round, results differ from the plain path in the last bits of bf16.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from trivium.model.attention import Spans, attend
from trivium.model.fused.float8 import float8_step
from trivium.model.fused.gate import gate
from trivium.model.fused.heads import Heads, turn
from trivium.model.fused.norm import add_norm

if TYPE_CHECKING:
    from trivium.model.layers import Linear
    from trivium.model.transformer import Block, Transformer


def trunk(model: Transformer, x_BTD: Tensor, mask: Tensor | Spans | None, step: Callable[..., Any]) -> Tensor:
    """The normed residual stream, `(B, T, D)`, of embedded tokens that stand at positions 0..T-1 of their rows.

    `step` is `block_step`, or what runs it.
    """
    rows, length, width = x_BTD.shape
    config = model.config
    about = Heads(
        length, config.num_attention_heads, config.num_key_value_heads, config.head_dim,
        config.rms_norm_eps, config.qk_norm,
    )  # fmt: skip
    rope = model.angles(length)
    x_ND: Tensor = x_BTD.reshape(rows * length, width)
    delta_ND: Tensor | None = None
    for block in model.layers:
        x_ND, delta_ND = step(block, x_ND, delta_ND, rope, mask, about)
    _, normed_ND = add_norm(x_ND, delta_ND, model.norm.weight, config.rms_norm_eps)
    return normed_ND.view(rows, length, width)


def block_step(
    block: Block,
    x_ND: Tensor,
    delta_ND: Tensor | None,
    rope: tuple[Tensor, Tensor],
    mask: Tensor | Spans | None,
    about: Heads,
) -> tuple[Tensor, Tensor]:
    """One block: the residual stream without, and what is still to be added to it."""
    if block.float8 is not None:
        return float8_step(block, block.float8, x_ND, delta_ND, rope, mask, about)
    attention, mlp = block.self_attn, block.mlp
    x_ND, normed_ND = add_norm(x_ND, delta_ND, block.input_layernorm.weight, about.eps)
    weight = torch.cat([attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight])
    gains = (attention.q_norm.weight, attention.k_norm.weight) if about.normed else (weight, weight)
    bias = _joined(x_ND.dtype, attention.q_proj, attention.k_proj, attention.v_proj)
    q, k, v = turn(F.linear(normed_ND, weight.to(x_ND.dtype), bias), gains, rope, about)
    out_ND = attend(q, k, v, mask).transpose(1, 2).reshape(len(x_ND), -1)
    x_ND, normed_ND = add_norm(x_ND, attention.o_proj(out_ND), block.post_attention_layernorm.weight, about.eps)
    weight = torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]).to(x_ND.dtype)
    bias = _joined(x_ND.dtype, mlp.gate_proj, mlp.up_proj)
    return x_ND, mlp.down_proj(gate(F.linear(normed_ND, weight, bias)))


def _joined(dtype: torch.dtype, *matrices: Linear) -> Tensor | None:
    """The matrices' biases end to end in `dtype`; None where they have none."""
    biases: list[Tensor] = [matrix.bias for matrix in matrices if matrix.bias is not None]
    return torch.cat(biases).to(dtype) if biases else None
