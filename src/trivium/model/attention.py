"""Causal grouped-query attention, and which keys a query sees. Shapes as in `transformer`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from trivium.model.cache import Past
from trivium.model.config import ModelConfig
from trivium.model.layers import Linear, RMSNorm, rotate, unit_rms
from trivium.model.lora import Adapted

SHORT = 512
"""Tokens in a row up to which a CPU writes attention out."""
PART = 2**20
"""Scores at a time there: 2 MB in bf16."""


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

    def forward(self, x_BTD: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None, past: Past | None) -> Tensor:
        """What each token gathers from those before it, `(B, T, D)`."""
        return self.o_proj(self.gathered(self._projected(x_BTD), rope, mask, past))

    def gathered(self, all_BTX: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None, past: Past | None) -> Tensor:
        """What all heads gather, side by side, from queries, keys and values side by side, `(B, T, H·K)`."""
        rows, length, _ = all_BTX.shape
        heads, groups = self.config.num_attention_heads, self.config.num_key_value_heads
        all_BTHK = all_BTX.view(rows, length, heads + 2 * groups, self.config.head_dim)
        qk_BTHK, v_BTGK = all_BTHK.split([heads + groups, groups], dim=2)
        qk_BTHK = rotate(self._norm(qk_BTHK), rope)
        q_BHTK, k_BGTK = qk_BTHK.transpose(1, 2).split([heads, groups], dim=1)
        v_BGTK = v_BTGK.transpose(1, 2)
        if past is not None:
            k_BGTK, v_BGTK = past.extend(k_BGTK, v_BGTK)
        out_BHTK = attend(q_BHTK, k_BGTK, v_BGTK, mask)
        return out_BHTK.transpose(1, 2).reshape(rows, length, -1)

    def _projected(self, x_BTD: Tensor) -> Tensor:
        """Queries of all heads, then keys, then values, side by side."""
        matrices = (self.q_proj, self.k_proj, self.v_proj)
        if any(isinstance(matrix, Adapted) for matrix in matrices):
            return torch.cat([matrix(x_BTD) for matrix in matrices], -1)
        weight = torch.cat([matrix.weight for matrix in matrices]).to(x_BTD.dtype)
        bias = torch.cat([matrix.bias for matrix in matrices]).to(x_BTD.dtype) if self.biased else None
        return F.linear(x_BTD, weight, bias)

    def _norm(self, qk_BTHK: Tensor) -> Tensor:
        if not self.config.qk_norm:
            return qk_BTHK
        heads, groups, head = self.config.num_attention_heads, self.config.num_key_value_heads, self.config.head_dim
        gains_HK = torch.cat([self.q_norm.weight.expand(heads, head), self.k_norm.weight.expand(groups, head)])
        return unit_rms(qk_BTHK, self.config.rms_norm_eps) * gains_HK.to(qk_BTHK.dtype)


def attend(q_BHTK: Tensor, k_BGSK: Tensor, v_BGSK: Tensor, mask: Tensor | Spans | None) -> Tensor:
    """Softmax attention by the fastest kernel at hand, `(B, H, T, K)`; without a mask it is causal.

    On Hopper that is cuDNN's: 1.7 times the speed of the one that torch takes by itself (forward and backward, rows of
    2,048 on an H100). On older and newer GPUs others found it no faster (huggingface/transformers#48163).
    """
    if isinstance(mask, Spans):
        return mask.attend(q_BHTK, k_BGSK, v_BGSK)
    if not q_BHTK.is_cuda:
        if q_BHTK.shape[1] > k_BGSK.shape[1]:
            k_BGSK, v_BGSK = (x.repeat_interleave(q_BHTK.shape[1] // x.shape[1], dim=1) for x in (k_BGSK, v_BGSK))
        if _short(q_BHTK, k_BGSK):
            return cast(Tensor, _Written.apply(q_BHTK, k_BGSK, v_BGSK, _added(mask, q_BHTK)))
        return F.scaled_dot_product_attention(q_BHTK, k_BGSK, v_BGSK, attn_mask=mask, is_causal=mask is None)
    grouped = q_BHTK.shape[1] > k_BGSK.shape[1]
    with sdpa_kernel(backends(), set_priority=True):
        return F.scaled_dot_product_attention(
            q_BHTK, k_BGSK, v_BGSK, attn_mask=mask, is_causal=mask is None, enable_gqa=grouped
        )


def _short(q_BHTK: Tensor, k_BHSK: Tensor) -> bool:
    """Whether gradients are wanted of rows so short that `_Written` is the faster: in bf16, on a CPU."""
    here = q_BHTK.device.type == "cpu" and q_BHTK.dtype == torch.bfloat16
    short = q_BHTK.shape[2] == k_BHSK.shape[2] <= SHORT
    return here and short and torch.is_grad_enabled() and q_BHTK.requires_grad and not torch.compiler.is_compiling()


def _added(mask: Tensor | None, like: Tensor) -> Tensor:
    """The mask as what is added to scores, `(B, T, T)` or `(1, T, T)`: minus infinity where a key is not seen."""
    length = like.shape[2]
    seen = torch.ones(1, length, length, dtype=torch.bool).tril() if mask is None else mask[:, 0]
    return torch.zeros(seen.shape, dtype=like.dtype).masked_fill_(~seen, -math.inf)


class _Written(torch.autograd.Function):
    """Attention written out in products, some heads at a time, so that their scores stay in the cache.

    What torch has for CPUs takes three times as long in bf16 at 256 tokens a row, and twice as long for its gradient as
    for all that is done here. The weights are kept for the gradient, `(N, T, T)`: hence only for short rows. N counts
    rows and heads in one.
    """

    @staticmethod
    def forward(ctx: Any, q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor, mask_BTT: Tensor) -> Tensor:
        rows, heads, length, head = q_BHTK.shape
        q_NTK, k_NTK, v_NTK = (x.reshape(-1, length, head) for x in (q_BHTK * head**-0.5, k_BHTK, v_BHTK))
        weights_NTT = q_NTK.new_empty(len(q_NTK), length, length)
        out_NTK = torch.empty_like(q_NTK)
        masks_BTT = mask_BTT.expand(rows, length, length)
        for part in _parts(rows, heads, length):
            scores_NTT = torch.bmm(q_NTK[part], k_NTK[part].mT)
            its_BTT = masks_BTT[part.start // heads : -(-part.stop // heads)]
            scores_NTT.view(len(its_BTT), -1, length, length).add_(its_BTT[:, None])
            torch.softmax(scores_NTT, -1, out=weights_NTT[part])
            torch.bmm(weights_NTT[part], v_NTK[part], out=out_NTK[part])
        ctx.save_for_backward(q_NTK, k_NTK, v_NTK, weights_NTT)
        return out_NTK.view(q_BHTK.shape)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, Tensor, Tensor, None]:
        q_NTK, k_NTK, v_NTK, weights_NTT = ctx.saved_tensors
        (rows, heads, length, head), shape = grads[0].shape, grads[0].shape
        out_NTK = grads[0].reshape(-1, length, head)
        q_slope, k_slope, v_slope = (torch.empty_like(x) for x in (q_NTK, k_NTK, v_NTK))
        for part in _parts(rows, heads, length):
            torch.bmm(weights_NTT[part].mT, out_NTK[part], out=v_slope[part])
            slope_NTT = torch.ops.aten._softmax_backward_data(
                torch.bmm(out_NTK[part], v_NTK[part].mT), weights_NTT[part], -1, q_NTK.dtype
            )
            torch.bmm(slope_NTT, k_NTK[part], out=q_slope[part])
            torch.bmm(slope_NTT.mT, q_NTK[part], out=k_slope[part])
        return (q_slope * head**-0.5).view(shape), k_slope.view(shape), v_slope.view(shape), None


def _parts(rows: int, heads: int, length: int) -> Iterator[slice]:
    """Slices of rows and heads counted in one: whole rows, or heads of one row, of about PART numbers as scores."""
    fit = max(1, PART // length**2)
    size = fit // heads * heads if fit >= heads else max(n for n in range(1, fit + 1) if heads % n == 0)
    return (slice(at, min(at + size, rows * heads)) for at in range(0, rows * heads, size))


@dataclass(frozen=True)
class Spans:
    """Where the documents of a batch's rows begin, the rows laid end to end: for a kernel that skips the rest."""

    starts: Tensor
    """Ascending, the end of the last added, int32."""
    longest: int
    """At most so many tokens in one of them."""

    def attend(self, q_BHTK: Tensor, k_BGTK: Tensor, v_BGTK: Tensor) -> Tensor:
        """Causal attention inside each document, `(B, H, T, K)`; in half precision on an NVIDIA GPU."""
        rows, _, length, _ = q_BHTK.shape
        flat = [x.transpose(1, 2).flatten(0, 1) for x in (q_BHTK, k_BGTK, v_BGTK)]
        out_NHK = torch.ops.aten._flash_attention_forward(
            *flat, self.starts, self.starts, self.longest, self.longest, 0.0, True, False
        )[0]
        return out_NHK.view(rows, length, *out_NHK.shape[1:]).transpose(1, 2)


def spans_of(documents_BT: Tensor) -> Spans:
    """The documents of a batch as spans. `documents_BT` must be on the CPU: no device is waited for."""
    length = documents_BT.shape[1]
    change_BT = torch.ones_like(documents_BT, dtype=torch.bool)
    change_BT[:, 1:] = documents_BT[:, 1:] != documents_BT[:, :-1]
    starts = change_BT.flatten().nonzero()[:, 0]
    return Spans(torch.cat([starts, torch.tensor([documents_BT.numel()])]).to(torch.int32), length)


def backends() -> list[SDPBackend]:
    """Attention kernels of this GPU, the preferred one first.

    cuDNN's adds up its gradients in the order in which they come: it is left out where the same bits are wanted.
    """
    known = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
    if torch.are_deterministic_algorithms_enabled():
        return known
    hopper = torch.cuda.get_device_capability()[0] == 9
    return [SDPBackend.CUDNN_ATTENTION, *known] if hopper else [*known, SDPBackend.CUDNN_ATTENTION]


def document_mask(documents_BT: Tensor | None) -> Tensor | None:
    """Which keys each query sees, `(B, 1, T, T)`: those at or before it in its own document. None means causal."""
    if documents_BT is None:
        return None
    length = documents_BT.shape[1]
    same = documents_BT[:, None, :, None] == documents_BT[:, None, None, :]
    return same & torch.ones(length, length, dtype=torch.bool, device=documents_BT.device).tril()
