"""Tokens in, a distribution over the next token out: the Qwen3-shaped decoder.

Weights are kept in fp32 and cast to the compute dtype where they are used, so that one set of weights serves training
(bf16 forward, fp32 update) and exact comparison. Parameter names are those of `transformers`, so the folder needs no
renaming. Shapes: B rows, T tokens in a row, D width, H query heads, G key/value heads, K head width, S cached tokens.

Ideas: RMSNorm (1910.07467), RoPE (2104.09864), SwiGLU (2002.05202), GQA (2305.13245), QK-norm (2302.05442).
"""

from __future__ import annotations

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


class RMSNorm(nn.Module):
    """Divide by the root mean square over the last axis (in fp32), times a learned gain."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Same shape and dtype as `x`."""
        return F.rms_norm(x.float(), (x.shape[-1],), self.weight.float(), self.eps).to(x.dtype)


def rope_table(config: ModelConfig, positions_BT: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines of each position's angles, `(B, 1, T, K)` each."""
    half = torch.arange(0, config.head_dim, 2, dtype=torch.float32, device=positions_BT.device)
    frequencies = config.rope_theta ** (-half / config.head_dim)
    angles_BTK = positions_BT[..., None].float() * torch.cat([frequencies, frequencies])
    return angles_BTK.cos().to(dtype)[:, None], angles_BTK.sin().to(dtype)[:, None]


def rotate(x_BHTK: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
    """RoPE with the two halves of a head as the pairs (the convention of `transformers`)."""
    cos, sin = rope
    first, second = x_BHTK.chunk(2, dim=-1)
    return x_BHTK * cos + torch.cat([-second, first], dim=-1) * sin


class Attention(nn.Module):
    """Causal grouped-query attention."""

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
        head = self.config.head_dim
        q_BHTK = self.q_proj(x_BTD).view(rows, length, -1, head).transpose(1, 2)
        k_BGTK = self.k_proj(x_BTD).view(rows, length, -1, head).transpose(1, 2)
        v_BGTK = self.v_proj(x_BTD).view(rows, length, -1, head).transpose(1, 2)
        if self.config.qk_norm:
            q_BHTK, k_BGTK = self.q_norm(q_BHTK), self.k_norm(k_BGTK)
        q_BHTK, k_BGTK = rotate(q_BHTK, rope), rotate(k_BGTK, rope)
        if cache is not None:
            k_BGTK, v_BGTK = cache.extend(layer, k_BGTK, v_BGTK)
        repeat = self.config.num_attention_heads // self.config.num_key_value_heads
        if repeat > 1:
            k_BGTK, v_BGTK = (x.repeat_interleave(repeat, dim=1) for x in (k_BGTK, v_BGTK))
        out_BHTK = F.scaled_dot_product_attention(q_BHTK, k_BGTK, v_BGTK, attn_mask=mask, is_causal=mask is None)
        return self.o_proj(out_BHTK.transpose(1, 2).reshape(rows, length, -1))


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
