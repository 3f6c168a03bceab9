"""Attention written out step by step, for the values that kernels never write down. Shapes as in `transformer`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from trivium.model.attention import document_mask
from trivium.model.config import ModelConfig
from trivium.model.layers import rope_table, rotate

STEPS = ("queries", "keys", "values", "scores", "pattern")
"""What passes by, in this order, under these names."""


def step_by_step(
    config: ModelConfig,
    attention: Any,
    x_BTD: Tensor,
    positions_BT: Tensor | None,
    documents_BT: Tensor | None,
    pass_by: Callable[[str, Tensor], Tensor],
) -> Tensor:
    """Each head's mixture of values, `(B, T, H, K)`. Each step goes through `pass_by`; fp32 from the scores on."""
    rows, length, _ = x_BTD.shape
    if positions_BT is None:
        positions_BT = torch.arange(length, device=x_BTD.device).expand(rows, length)
    q_BTHK, k_BTGK, v_BTGK = (
        project(x_BTD).unflatten(-1, (-1, config.head_dim))
        for project in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    if config.qk_norm:
        q_BTHK, k_BTGK = attention.q_norm(q_BTHK), attention.k_norm(k_BTGK)
    rope = rope_table(config, positions_BT, x_BTD.dtype)
    q_BTHK = pass_by("queries", rotate(q_BTHK, rope))
    k_BTGK = pass_by("keys", rotate(k_BTGK, rope))
    v_BTGK = pass_by("values", v_BTGK)
    each = config.num_attention_heads // config.num_key_value_heads
    k_BTHK, v_BTHK = (x.float().repeat_interleave(each, dim=2) for x in (k_BTGK, v_BTGK))
    scores_BHTT = torch.einsum("bqhk,bshk->bhqs", q_BTHK.float(), k_BTHK) * config.head_dim**-0.5
    seen = document_mask(documents_BT)
    if seen is None:
        seen = torch.ones(length, length, dtype=torch.bool, device=x_BTD.device).tril()
    scores_BHTT = pass_by("scores", scores_BHTT.masked_fill(~seen, -torch.inf))
    pattern_BHTT = pass_by("pattern", scores_BHTT.softmax(-1))
    return torch.einsum("bhqs,bshk->bqhk", pattern_BHTT, v_BTHK)
