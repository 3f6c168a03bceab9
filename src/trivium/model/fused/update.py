"""The optimizer's steps over weights and state in one reading and one writing each.

Matrices of one shape lie where they lie: a table of their addresses lets one kernel reach all of them, so that none is
copied into a stack first. Shapes: N matrices, E numbers in a matrix.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 4096


def blend(gradients: Sequence[Tensor], momentum_NRC: Tensor, beta: float, dtype: torch.dtype) -> Tensor:
    """Take N gradients (fp32) into the momentum in place; Nesterov's look ahead from there, `(N, R, C)` in `dtype`."""
    out_NRC = torch.empty_like(momentum_NRC, dtype=dtype)
    size = momentum_NRC[0].numel()
    grid = (len(gradients), triton.cdiv(size, BLOCK))
    _blend[grid](_table(gradients), momentum_NRC, out_NRC, size, beta, block=BLOCK, num_warps=8)
    return out_NRC


def move(weights: Sequence[Tensor], update_NRC: Tensor, rate: float, decay: float, cautious: bool) -> None:
    """Take `rate` times the updates from N weights (fp32) in place, and `decay` times the weights before that.

    A cautious decay leaves out the weights that their update does not shrink.
    """
    size = weights[0].numel()
    grid = (len(weights), triton.cdiv(size, BLOCK))
    update_NRC = update_NRC.contiguous()
    _move[grid](_table(weights), update_NRC, size, rate, decay, cautious=cautious, block=BLOCK, num_warps=8)


def adam(
    weight: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    rate: float,
    betas: tuple[float, float],
    unbias: float,
    eps: float,
) -> None:
    """Adam's step on one tensor in place. `rate` holds the mean's correction, `unbias` multiplies the squares."""
    size = weight.numel()
    grid = (triton.cdiv(size, BLOCK),)
    _adam[grid](
        weight, gradient.contiguous(), mean, square, size, rate, *betas, unbias, eps, block=BLOCK, num_warps=8
    )  # fmt: skip


def _table(tensors: Sequence[Tensor]) -> Tensor:
    """The addresses of tensors, on their device; the host does not wait for the copy."""
    device = tensors[0].device
    addresses = torch.tensor([tensor.data_ptr() for tensor in tensors], pin_memory=device.type == "cuda")
    return addresses.to(device, non_blocking=True)


@triton.jit
def _blend(table, momentum, out, size, beta, block: tl.constexpr):  # type: ignore[no-untyped-def]
    which = tl.program_id(0)
    at = tl.program_id(1) * block + tl.arange(0, block)
    inside = at < size
    gradients = tl.load(table + which).to(tl.pointer_type(tl.float32))
    place = which.to(tl.int64) * size + at
    slope = tl.load(gradients + at, mask=inside, other=0.0)
    held = tl.load(momentum + place, mask=inside, other=0.0)
    held += (1 - beta) * (slope - held)
    tl.store(momentum + place, held, mask=inside)
    tl.store(out + place, (slope + beta * (held - slope)).to(out.dtype.element_ty), mask=inside)


@triton.jit
def _move(table, update, size, rate, decay, cautious: tl.constexpr, block: tl.constexpr):  # type: ignore[no-untyped-def]
    which = tl.program_id(0)
    at = tl.program_id(1) * block + tl.arange(0, block)
    inside = at < size
    weights = tl.load(table + which).to(tl.pointer_type(tl.float32))
    weight = tl.load(weights + at, mask=inside, other=0.0)
    step = tl.load(update + which.to(tl.int64) * size + at, mask=inside, other=0.0).to(tl.float32)
    if cautious:
        weight -= decay * tl.where(weight * step > 0, weight, 0.0)
    else:
        weight -= decay * weight
    tl.store(weights + at, weight - rate * step, mask=inside)


@triton.jit
def _adam(weights, slopes, means, squares, size, rate, beta1, beta2, unbias, eps, block: tl.constexpr):  # type: ignore[no-untyped-def]
    at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    inside = at < size
    slope = tl.load(slopes + at, mask=inside, other=0.0)
    mean = tl.load(means + at, mask=inside, other=0.0)
    square = tl.load(squares + at, mask=inside, other=0.0)
    mean += (1 - beta1) * (slope - mean)
    square = beta2 * square + (1 - beta2) * slope * slope
    tl.store(means + at, mean, mask=inside)
    tl.store(squares + at, square, mask=inside)
    weight = tl.load(weights + at, mask=inside, other=0.0)
    tl.store(weights + at, weight - rate * mean / (tl.sqrt(square * unbias) + eps), mask=inside)
