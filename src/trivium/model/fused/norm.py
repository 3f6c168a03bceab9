"""Residual addition and RMSNorm in one kernel, forward and backward. Shapes: N tokens, D width."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

PROGRAMS = 1056
"""Programs of a backward pass, each over many rows and with a gradient of the gain of its own (8 a unit on Hopper)."""


class _AddNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_ND: Tensor, delta_ND: Tensor | None, gain_D: Tensor, eps: float) -> tuple[Tensor, Tensor]:
        normed_ND = torch.empty_like(x_ND)
        total_ND, inverse_N = add(x_ND, delta_ND, gain_D, eps, normed_ND)
        ctx.save_for_backward(total_ND, gain_D, inverse_N)
        ctx.added = delta_ND is not None
        ctx.set_materialize_grads(False)
        return total_ND, normed_ND

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, Tensor | None, Tensor, None]:
        total_ND, gain_D, inverse_N = ctx.saved_tensors
        grad_ND, of_gain = normed_slope(grads[1], grads[0], total_ND, gain_D, inverse_N)
        return grad_ND, grad_ND if ctx.added else None, of_gain, None


def add_norm(x_ND: Tensor, delta_ND: Tensor | None, gain_D: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """`x + delta` (or `x`), and its RMSNorm with fp32 gains: two tensors like `x_ND`."""
    total, normed = _AddNorm.apply(x_ND, delta_ND, gain_D, eps)
    return total, normed


def add(
    x_ND: Tensor, delta_ND: Tensor | None, gain_D: Tensor, eps: float, normed_ND: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """`x + delta` (or `x`), and the inverse root mean square of its rows, fp32; its RMSNorm goes to `normed_ND`."""
    rows, width = x_ND.shape
    added, kept = delta_ND is not None, normed_ND is not None
    total_ND = torch.empty_like(x_ND) if added else x_ND
    inverse_N = torch.empty(rows, dtype=torch.float32, device=x_ND.device)
    block = triton.next_power_of_2(width)
    _forward[(rows,)](
        x_ND, delta_ND if added else x_ND, gain_D, total_ND, normed_ND if kept else x_ND, inverse_N, width, eps,
        added=added, kept=kept, block=block, num_warps=warps(block),
    )  # fmt: skip
    return total_ND, inverse_N


def normed_slope(
    grad_normed_ND: Tensor, grad_total_ND: Tensor | None, total_ND: Tensor, gain_D: Tensor, inverse_N: Tensor
) -> tuple[Tensor, Tensor]:
    """The gradient of what a norm took in, with that of the stream that went past it, and of its gain."""
    rows, width = total_ND.shape
    grad_ND = torch.empty_like(total_ND)
    programs = min(rows, PROGRAMS)
    parts_PD = torch.empty(programs, width, dtype=torch.float32, device=total_ND.device)
    block = triton.next_power_of_2(width)
    past_ND = grad_normed_ND if grad_total_ND is None else grad_total_ND.contiguous()
    _backward[(programs,)](
        grad_normed_ND.contiguous(), past_ND, total_ND, gain_D, inverse_N, grad_ND, parts_PD, rows, width,
        through=grad_total_ND is not None, block=block, num_warps=warps(block),
    )  # fmt: skip
    return grad_ND, parts_PD.sum(0)


def warps(block: int) -> int:
    """Warps of a program that holds `block` numbers: 8 to 16 numbers a thread."""
    return max(1, min(16, block // 256))


@triton.jit
def _forward(  # type: ignore[no-untyped-def]
    x, delta, gain, total, normed, inverse, width, eps, added: tl.constexpr, kept: tl.constexpr, block: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, block)
    inside = at < width
    value = tl.load(x + row * width + at, mask=inside, other=0.0)
    if added:
        value = value + tl.load(delta + row * width + at, mask=inside, other=0.0)
        tl.store(total + row * width + at, value, mask=inside)
    value = value.to(tl.float32)
    root = tl.rsqrt(tl.sum(value * value, 0) / width + eps)
    tl.store(inverse + row, root)
    if kept:
        result = value * root * tl.load(gain + at, mask=inside, other=0.0)
        tl.store(normed + row * width + at, result.to(normed.dtype.element_ty), mask=inside)


@triton.jit
def _backward(  # type: ignore[no-untyped-def]
    grad_normed, grad_total, total, gain, inverse, grad, parts, rows, width, through: tl.constexpr, block: tl.constexpr
):
    at = tl.arange(0, block)
    inside = at < width
    weight = tl.load(gain + at, mask=inside, other=0.0)
    part = tl.zeros((block,), tl.float32)
    for row in range(tl.program_id(0), rows, tl.num_programs(0)):
        start = tl.cast(row, tl.int64) * width
        slope = tl.load(grad_normed + start + at, mask=inside, other=0.0).to(tl.float32)
        root = tl.load(inverse + row)
        unit = tl.load(total + start + at, mask=inside, other=0.0).to(tl.float32) * root
        part += slope * unit
        slope *= weight
        result = (slope - unit * (tl.sum(slope * unit, 0) / width)) * root
        if through:
            result += tl.load(grad_total + start + at, mask=inside, other=0.0).to(tl.float32)
        tl.store(grad + start + at, result.to(grad.dtype.element_ty), mask=inside)
    tl.store(parts + tl.program_id(0).to(tl.int64) * width + at, part, mask=inside)
