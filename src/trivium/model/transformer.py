"""Tokens in, a distribution over the next token out: the decoder of Llama, Qwen2 and Qwen3.

Weights are kept in fp32 and cast to the compute dtype where they are used, so that one set of weights serves training
(bf16 forward, fp32 update) and exact comparison. Parameter names are those of `transformers`, so the folder needs no
renaming. Shapes: B rows, T tokens in a row, D width, H query heads, G key/value heads, K head width, S cached tokens.

Ideas: RMSNorm (1910.07467), RoPE (2104.09864), SwiGLU (2002.05202), GQA (2305.13245), QK-norm (2302.05442).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from trivium.model.attention import Attention, Spans, document_mask
from trivium.model.cache import Cache, Past
from trivium.model.config import ModelConfig
from trivium.model.float8 import Layer, Scales, plain_step
from trivium.model.layers import FeedForward, Linear, RMSNorm, rope_table
from trivium.model.lora import Adapted


class Block(nn.Module):
    """Attention, then feed-forward, each added to the residual stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = FeedForward(config)
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.float8: Layer | None = None
        """Where it trains with products in eight bits: its scales."""

    def forward(self, x_BTD: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None, past: Past | None) -> Tensor:
        """The residual stream after this block, `(B, T, D)`."""
        if self.float8 is not None and self.training and past is None:
            return plain_step(self, self.float8, x_BTD, rope, mask)
        x_BTD = x_BTD + self.self_attn(self.input_layernorm(x_BTD), rope, mask, past)
        return x_BTD + self.mlp(self.post_attention_layernorm(x_BTD))


def _fused_step(*inputs: Any) -> Any:
    """`fused.block.block_step`, which can be loaded where there is Triton."""
    from trivium.model.fused.block import block_step

    return block_step(*inputs)


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
        self.float8: Scales | None = None
        self.hasten("plain")

    @classmethod
    def drawn(cls, config: ModelConfig, compute_dtype: torch.dtype, device: torch.device, seed: int) -> Transformer:
        """A model on `device` with random weights from `seed`: the same ones on devices of one kind."""
        with torch.device("meta"):
            model = cls(config, compute_dtype)
        model.to_empty(device=device)
        if config.tie_word_embeddings:
            model.lm_head.weight = model.embed_tokens.weight
        model.init_weights(torch.Generator(device).manual_seed(seed))
        return model

    def hasten(self, how: str, recompute: bool = False, hooked: bool = False) -> None:
        """How blocks run while training: "plain", "compiled" (by torch, one graph for all) or "fused" (our kernels).

        With `recompute`, what a block computed on the way is computed again for the gradient: a quarter more time, and
        memory for one block instead of all. Nothing here touches parameters; evaluation and sampling stay plain.
        `hooked` blocks do something before and after they run (gather their weights): that stays outside.
        """
        step: Callable[..., Any] = Block.forward if hooked else Block.__call__
        how = "plain" if how == "fused" and self.adapted else how
        if how == "fused":
            step = _fused_step
        elif how == "compiled":
            step = torch.compile(Block.forward, fullgraph=True, dynamic=False)
        if recompute:
            step = partial(checkpoint, step, use_reentrant=False, preserve_rng_state=False)
        if hooked:
            for block in self.layers:
                block.forward = partial(step, block)
            step = Block.__call__
        self._training_step = step
        self._fused = how == "fused"
        if self.float8 is not None:
            self.float8.fused = self._fused

    def take_float8(self) -> None:
        """From now on train with the blocks' products in eight bits (`float8`). Evaluation and sampling do not."""
        self.float8 = Scales(self)
        for block, layer in zip(self.layers, self.float8.layers, strict=True):
            cast(Block, block).float8 = layer
        self.float8.fused = self._fused

    def angles(self, length: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines of the angles of positions 0..length-1, `(T, K/2)` each, fp32."""
        positions_1T = torch.arange(length, device=self.device)[None]
        half = self.config.head_dim // 2
        cos, sin = (x[0, :, 0, half:].contiguous() for x in rope_table(self.config, positions_1T, torch.float32))
        return cos, sin

    @property
    def adapted(self) -> bool:
        """Whether some of its matrices have adapters (`lora`): the fused kernels know whole matrices only."""
        return any(isinstance(module, Adapted) for module in self.modules())

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embed_tokens.weight.device

    def init_weights(self, generator: torch.Generator) -> None:
        """Random weights from `generator`.

        Matrices are normal with deviation 1/sqrt(fan-in); those that write into the residual stream start at zero,
        so that each block starts as the identity and depth costs nothing at the start.
        """
        for name, parameter in self.named_parameters():
            if parameter.ndim == 1 and name.endswith("weight"):
                nn.init.ones_(parameter)
            elif name.endswith(("o_proj.weight", "down_proj.weight", "bias")):
                nn.init.zeros_(parameter)
            else:
                deviation = {"embed_tokens.weight": 1.0, "lm_head.weight": 0.002}.get(name, parameter.shape[1] ** -0.5)
                values = torch.randn(parameter.shape, generator=generator, device=generator.device) * deviation
                with torch.no_grad():
                    parameter.copy_(values)

    def forward(
        self,
        ids_BT: Tensor,
        positions_BT: Tensor | None = None,
        documents_BT: Tensor | None = None,
        cache: Cache | None = None,
        spans: Spans | None = None,
        noise_BTD: Tensor | None = None,
    ) -> Tensor:
        """The normed residual stream, `(B, T, D)` in the compute dtype.

        `noise_BTD` is added to the embeddings. `documents_BT` numbers the documents packed in a row: attention does not
        cross them. `spans` says the same to the fused kernels. With a `cache`, the tokens continue what it holds.
        """
        x_BTD = F.embedding(ids_BT, self.embed_tokens.weight).to(self.compute_dtype)
        if noise_BTD is not None:
            x_BTD = x_BTD + noise_BTD.to(x_BTD.dtype)
        if self.float8 is not None and self.training and cache is None:
            self.float8.enter()
        if self._fused and self.training and cache is None and positions_BT is None:
            from trivium.model.fused.block import trunk

            return trunk(self, x_BTD, spans or document_mask(documents_BT), self._training_step)
        if positions_BT is None:
            positions_BT = torch.arange(ids_BT.shape[1], device=ids_BT.device)[None]
        rope = rope_table(self.config, positions_BT, x_BTD.dtype)
        mask = cache.mask(positions_BT) if cache is not None else document_mask(documents_BT)
        run = self._training_step if self.training and cache is None else Block.__call__
        for layer, block in enumerate(self.layers):
            x_BTD = run(block, x_BTD, rope, mask, None if cache is None else cache.layer(layer))
        return self.norm(x_BTD)

    def logits(self, hidden_BTD: Tensor) -> Tensor:
        """Scores of the next token, `(..., V)`, in fp32."""
        return self.lm_head(hidden_BTD).float()
