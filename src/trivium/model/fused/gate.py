"""The gate of SwiGLU in one kernel, forward and backward. Shapes: N tokens, F feed-forward width."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 1024


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, both_NX: Tensor) -> Tensor:
        rows, width = both_NX.shape[0], both_NX.shape[1] // 2
        out_NF = torch.empty(rows, width, dtype=both_NX.dtype, device=both_NX.device)
        _forward[(rows, triton.cdiv(width, BLOCK))](both_NX, out_NF, width, block=BLOCK, num_warps=4)
        ctx.save_for_backward(both_NX)
        return out_NF

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Tensor:
        (both_NX,) = ctx.saved_tensors
        rows, width = both_NX.shape[0], both_NX.shape[1] // 2
        grad_NX = torch.empty_like(both_NX)
        grid = (rows, triton.cdiv(width, BLOCK))
        _backward[grid](grads[0].contiguous(), both_NX, grad_NX, width, block=BLOCK, num_warps=4)
        return grad_NX


def gate(both_NX: Tensor) -> Tensor:
    """`silu(first half) * second half` of each token's numbers, `(N, F)` from `(N, 2F)`."""
    result: Tensor = _Gate.apply(both_NX)
    return result


@triton.jit
def _forward(both, out, width, block: tl.constexpr):  # type: ignore[no-untyped-def]
    row = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1) * block + tl.arange(0, block)
    inside = at < width
    opened = tl.load(both + row * 2 * width + at, mask=inside, other=0.0).to(tl.float32)
    value = tl.load(both + row * 2 * width + width + at, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + row * width + at, (opened * tl.sigmoid(opened) * value).to(out.dtype.element_ty), mask=inside)


@triton.jit
def _backward(slopes, both, grad, width, block: tl.constexpr):  # type: ignore[no-untyped-def]
    row = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1) * block + tl.arange(0, block)
    inside = at < width
    slope = tl.load(slopes + row * width + at, mask=inside, other=0.0).to(tl.float32)
    opened = tl.load(both + row * 2 * width + at, mask=inside, other=0.0).to(tl.float32)
    value = tl.load(both + row * 2 * width + width + at, mask=inside, other=0.0).to(tl.float32)
    share = tl.sigmoid(opened)
    kind = grad.dtype.element_ty
    tl.store(grad + row * 2 * width + at, (slope * value * share * (1 + opened * (1 - share))).to(kind), mask=inside)
    tl.store(grad + row * 2 * width + width + at, (slope * opened * share).to(kind), mask=inside)
