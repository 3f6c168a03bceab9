"""The step from logits to loss and gradient as one Triton kernel: each row is read from memory once and written once.

A row's second reading comes from the GPU's cache. `loss.plain_slopes` says in plain torch what it computes. Import this
room only where Triton is installed.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 16384
"""Numbers that a program holds at once: the larger, the fewer the waits."""


def fused_slopes(logits_NV: Tensor, targets_N: Tensor, weights_N: Tensor, need: bool) -> tuple[Tensor, Tensor]:
    """What `loss.plain_slopes` gives; with `need` the gradient takes the place of the logits in memory."""
    losses_N = torch.empty(len(targets_N), dtype=torch.float32, device=logits_NV.device)
    rows, columns = logits_NV.shape
    _slopes[(rows,)](
        logits_NV,
        targets_N,
        weights_N,
        losses_N,
        columns,
        logits_NV.stride(0),
        need=need,
        block=min(BLOCK, triton.next_power_of_2(columns)),
        num_warps=16,
    )
    return losses_N, logits_NV


@triton.jit
def _slopes(logits, targets, weights, losses, columns, stride, need: tl.constexpr, block: tl.constexpr):  # type: ignore[no-untyped-def]
    """One program a row: a running maximum and sum, then (with `need`) the gradient in the place of the logits."""
    row = tl.program_id(0).to(tl.int64)
    logits += row * stride
    target = tl.load(targets + row)
    highest = -float("inf")
    total = 0.0
    for start in range(0, columns, block):
        at = start + tl.arange(0, block)
        x = tl.load(logits + at, mask=at < columns, other=-float("inf")).to(tl.float32)
        top = tl.maximum(highest, tl.max(x, 0))
        total = total * tl.exp(highest - top) + tl.sum(tl.exp(x - top), 0)
        highest = top
    normalizer = highest + tl.log(total)
    tl.store(losses + row, normalizer - tl.load(logits + target).to(tl.float32))
    if need:
        weight = tl.load(weights + row)
        tl.debug_barrier()  # every warp has read the target's logit before one writes over it
        for start in range(0, columns, block):
            at = start + tl.arange(0, block)
            x = tl.load(logits + at, mask=at < columns, other=-float("inf")).to(tl.float32)
            slope = (tl.exp(x - normalizer) - (at == target).to(tl.float32)) * weight
            tl.store(logits + at, slope.to(logits.dtype.element_ty), mask=at < columns)
