"""Tokens in, a distribution over the next token out: the Qwen3-shaped decoder.

Weights are kept in fp32 and cast to the compute dtype where they are used, so that one set of weights serves training
(bf16 forward, fp32 update) and exact comparison. Parameter names are those of `transformers`, so the folder needs no
renaming. Shapes: B rows, T tokens in a row, D width, H query heads, G key/value heads, K head width, S cached tokens.

Ideas: RMSNorm (1910.07467), RoPE (2104.09864), SwiGLU (2002.05202), GQA (2305.13245), QK-norm (2302.05442).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trivium.model.cache import Cache
from trivium.model.config import ModelConfig


class Linear(nn.Linear):
    """A bias-free matrix that is cast to the dtype of what it multiplies."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`x` times the matrix, in the dtype of `x`."""
        return F.linear(x, self.weight.to(x.dtype))


class _UnitRMS(torch.autograd.Function):
    """Rows divided by their root mean square. Written out because autograd keeps twice the tensors and takes twice the
    time for it, and norms are a fifth of a small model's step on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float) -> Tensor:
        wide = x.float()
        inverse = torch.rsqrt(torch.linalg.vecdot(wide, wide)[..., None] / x.shape[-1] + eps)
        unit = (wide * inverse).to(x.dtype)
        ctx.save_for_backward(unit, inverse)
        return unit

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        unit, inverse = ctx.saved_tensors
        slope = torch.linalg.vecdot(grads[0], unit)[..., None] / unit.shape[-1]
        return (grads[0] - unit * slope) * inverse.to(unit.dtype), None


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
    half = torch.arange(0, config.head_dim, 2, dtype=torch.float32, device=positions_BT.device)
    angles_BTK = positions_BT[..., None].float() * config.rope_theta ** (-half / config.head_dim)
    cos, sin = angles_BTK.cos(), angles_BTK.sin()
    return torch.cat([cos, cos], -1).to(dtype)[:, :, None], torch.cat([-sin, sin], -1).to(dtype)[:, :, None]


def rotate(x_BTHK: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
    """RoPE with the two halves of a head as the pairs (the convention of `transformers`)."""
    cos, sin = rope
    return x_BTHK * cos + x_BTHK.roll(x_BTHK.shape[-1] // 2, -1) * sin


class Attention(nn.Module):
    """Causal grouped-query attention. Queries and keys are projected, normed and turned together: fewer steps."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        width, head = config.hidden_size, config.head_dim
        self.q_proj = Linear(width, config.num_attention_heads * head)
        self.k_proj = Linear(width, config.num_key_value_heads * head)
        self.v_proj = Linear(width, config.num_key_value_heads * head)
        self.o_proj = Linear(config.num_attention_heads * head, width)
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
        all_BTHK = F.linear(x_BTD, weight).view(rows, length, heads + 2 * groups, self.config.head_dim)
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


class FeedForward(nn.Module):
    """SwiGLU: a gated two-layer network applied to each token alone."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = Linear(config.hidden_size, config.intermediate_size)
        self.up_proj = Linear(config.hidden_size, config.intermediate_size)
        self.down_proj = Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Same shape as `x_BTD`."""
        return self.down_proj(F.silu(self.gate_proj(x_BTD)) * self.up_proj(x_BTD))


class Block(nn.Module):
    """Attention, then feed-forward, each added to the residual stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = FeedForward(config)
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self, x_BTD: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None, cache: Cache | None, layer: int
    ) -> Tensor:
        """The residual stream after this block, `(B, T, D)`."""
        x_BTD = x_BTD + self.self_attn(self.input_layernorm(x_BTD), rope, mask, cache, layer)
        return x_BTD + self.mlp(self.post_attention_layernorm(x_BTD))


class Transformer(nn.Module):
    """The trunk: embeddings, blocks, final norm, and the matrix that scores the next token."""

    def __init__(self, config: ModelConfig, compute_dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.config = config
        self.compute_dtype = compute_dtype
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.lm_head = Linear(config.hidden_size, config.vocab_size)
        if config.tie_word_embeddings:
            self.lm_head.weight = self.embed_tokens.weight

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embed_tokens.weight.device

    def init_weights(self, generator: torch.Generator) -> None:
        """Random weights from `generator` (a CPU generator, whatever the device).

        Matrices are uniform with deviation 1/sqrt(fan-in); those that write into the residual stream start at zero,
        so that each block starts as the identity and depth costs nothing at the start.
        """
        for name, parameter in self.named_parameters():
            if parameter.ndim == 1:
                nn.init.ones_(parameter)
            elif name.endswith(("o_proj.weight", "down_proj.weight")):
                nn.init.zeros_(parameter)
            else:
                deviation = {"embed_tokens.weight": 1.0, "lm_head.weight": 0.002}.get(name, parameter.shape[1] ** -0.5)
                values = torch.randn(parameter.shape, generator=generator) * deviation
                with torch.no_grad():
                    parameter.copy_(values)

    def forward(
        self,
        ids_BT: Tensor,
        positions_BT: Tensor | None = None,
        documents_BT: Tensor | None = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """The normed residual stream, `(B, T, D)` in the compute dtype.

        `documents_BT` numbers the documents packed in a row: attention does not cross them. With a `cache`, the tokens
        continue what it holds.
        """
        rows, length = ids_BT.shape
        if positions_BT is None:
            positions_BT = torch.arange(length, device=ids_BT.device).expand(rows, length)
        x_BTD = F.embedding(ids_BT, self.embed_tokens.weight).to(self.compute_dtype)
        rope = rope_table(self.config, positions_BT, x_BTD.dtype)
        mask = cache.mask(positions_BT) if cache is not None else document_mask(documents_BT)
        for layer, block in enumerate(self.layers):
            x_BTD = block(x_BTD, rope, mask, cache, layer)
        return self.norm(x_BTD)

    def logits(self, hidden_BTD: Tensor) -> Tensor:
        """Scores of the next token, `(..., V)`, in fp32."""
        return self.lm_head(hidden_BTD).float()


def document_mask(documents_BT: Tensor | None) -> Tensor | None:
    """Which keys each query sees, `(B, 1, T, T)`: those at or before it in its own document. None means causal."""
    if documents_BT is None:
        return None
    length = documents_BT.shape[1]
    same = documents_BT[:, None, :, None] == documents_BT[:, None, None, :]
    return same & torch.ones(length, length, dtype=torch.bool, device=documents_BT.device).tril()
