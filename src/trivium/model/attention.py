"""Causal grouped-query attention, and which keys a query sees. Shapes as in `transformer`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trivium.model.cache import Cache
from trivium.model.config import ModelConfig
from trivium.model.layers import Linear, RMSNorm, rotate, unit_rms


class Attention(nn.Module):
    """Causal grouped-query attention. Queries and keys are projected, normed and turned together: fewer steps."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        width, head = config.hidden_size, config.head_dim
        self.q_proj = Linear(width, config.num_attention_heads * head, config.qkv_bias)
        self.k_proj = Linear(width, config.num_key_value_heads * head, config.qkv_bias)
        self.v_proj = Linear(width, config.num_key_value_heads * head, config.qkv_bias)
        self.o_proj = Linear(config.num_attention_heads * head, width, config.attention_bias)
        self.biased = config.qkv_bias
        if config.qk_norm:
            self.q_norm = RMSNorm(head, config.rms_norm_eps)
            self.k_norm = RMSNorm(head, config.rms_norm_eps)

    def forward(
        self, x_BTD: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None, cache: Cache | None, layer: int
    ) -> Tensor:
        """What each token gathers from those before it, `(B, T, D)`."""
        rows, length, _ = x_BTD.shape
        heads, groups = self.config.num_attention_heads, self.config.num_key_value_heads
        weight = torch.cat([self.q_proj.weight, self.k_proj.weight, self.v_proj.weight]).to(x_BTD.dtype)
        bias = (
            torch.cat([self.q_proj.bias, self.k_proj.bias, self.v_proj.bias]).to(x_BTD.dtype) if self.biased else None
        )
        all_BTHK = F.linear(x_BTD, weight, bias).view(rows, length, heads + 2 * groups, self.config.head_dim)
        qk_BTHK = rotate(self._norm(all_BTHK[:, :, : heads + groups]), rope)
        q_BHTK, k_BGTK = qk_BTHK.transpose(1, 2).split([heads, groups], dim=1)
        v_BGTK = all_BTHK[:, :, heads + groups :].transpose(1, 2)
        if cache is not None:
            k_BGTK, v_BGTK = cache.extend(layer, k_BGTK, v_BGTK)
        if heads > groups:
            k_BGTK, v_BGTK = (x.repeat_interleave(heads // groups, dim=1) for x in (k_BGTK, v_BGTK))
        out_BHTK = F.scaled_dot_product_attention(q_BHTK, k_BGTK, v_BGTK, attn_mask=mask, is_causal=mask is None)
        return self.o_proj(out_BHTK.transpose(1, 2).reshape(rows, length, -1))

    def _norm(self, qk_BTHK: Tensor) -> Tensor:
        if not self.config.qk_norm:
            return qk_BTHK
        counts = torch.tensor([self.config.num_attention_heads, self.config.num_key_value_heads], device=qk_BTHK.device)
        gains_HK = torch.stack([self.q_norm.weight, self.k_norm.weight]).repeat_interleave(counts, dim=0)
        return unit_rms(qk_BTHK, self.config.rms_norm_eps) * gains_HK.to(qk_BTHK.dtype)


def document_mask(documents_BT: Tensor | None) -> Tensor | None:
    """Which keys each query sees, `(B, 1, T, T)`: those at or before it in its own document. None means causal."""
    if documents_BT is None:
        return None
    length = documents_BT.shape[1]
    same = documents_BT[:, None, :, None] == documents_BT[:, None, None, :]
    return same & torch.ones(length, length, dtype=torch.bool, device=documents_BT.device).tril()
