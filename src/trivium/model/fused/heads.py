"""Norms on queries and keys, and RoPE, in one kernel, forward and backward.

Shapes: N tokens, H query heads, G key/value heads, K head width, T tokens in a row. The projection's output holds, for
each token, the queries of all heads, then keys, then values; values pass through untouched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from trivium.model.fused.norm import PROGRAMS


@dataclass(frozen=True)
class Heads:
    """How the numbers of a token are divided, and whether queries and keys are normed."""

    length: int
    """Tokens in a row, T: a token's position is its place in its row."""
    heads: int
    groups: int
    width: int
    eps: float
    normed: bool

    @property
    def both(self) -> int:
        """Heads that are turned: queries' and keys'."""
        return self.heads + self.groups


class _Turn(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, all_NX: Tensor, q_gain: Tensor, k_gain: Tensor, cos_TK: Tensor, sin_TK: Tensor, about: Heads
    ) -> tuple[Tensor, Tensor, Tensor]:
        tokens = len(all_NX)
        turned_NHK = torch.empty(tokens, about.both, about.width, dtype=all_NX.dtype, device=all_NX.device)
        inverse_NH = torch.empty(tokens, about.both, dtype=torch.float32, device=all_NX.device)
        _forward[(tokens,)](
            all_NX, q_gain, k_gain, cos_TK, sin_TK, turned_NHK, inverse_NH, about.length, all_NX.stride(0), about.eps,
            heads=about.heads, both=about.both, half=about.width // 2, normed=about.normed,
            tile=triton.next_power_of_2(about.both), num_warps=4,
        )  # fmt: skip
        ctx.save_for_backward(all_NX, q_gain, k_gain, cos_TK, sin_TK, inverse_NH)
        ctx.about = about
        shape = (tokens // about.length, about.length, -1, about.width)
        q, k = (x.transpose(1, 2) for x in turned_NHK.view(shape).split([about.heads, about.groups], dim=2))
        return q, k, all_NX[:, about.both * about.width :].view(shape).transpose(1, 2)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, Tensor | None, Tensor | None, None, None, None]:
        all_NX, q_gain, k_gain, cos_TK, sin_TK, inverse_NH = ctx.saved_tensors
        about: Heads = ctx.about
        q, k, v = (g if g.stride(-1) == 1 else g.contiguous() for g in grads)
        grad_NX = torch.empty_like(all_NX)
        programs = min(len(all_NX), PROGRAMS)
        parts = torch.empty(programs, 2, about.width, dtype=torch.float32, device=all_NX.device)
        _backward[(programs,)](
            q, k, v, *(s for g in (q, k, v) for s in g.stride()[:3]),
            all_NX, q_gain, k_gain, cos_TK, sin_TK, inverse_NH, grad_NX, parts, len(all_NX), about.length,
            all_NX.stride(0), heads=about.heads, groups=about.groups, half=about.width // 2, normed=about.normed,
            tile=triton.next_power_of_2(about.both), values=triton.next_power_of_2(about.groups), num_warps=4,
        )  # fmt: skip
        if not about.normed:
            return grad_NX, None, None, None, None, None
        q_grad, k_grad = parts.sum(0)
        return grad_NX, q_grad, k_grad, None, None, None


def turn(
    all_NX: Tensor, gains: tuple[Tensor, Tensor], rope: tuple[Tensor, Tensor], about: Heads
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries `(B, H, T, K)`, keys and values `(B, G, T, K)`, ready for attention.

    `gains` are those of the norms (ignored without norms), `rope` the cosines and the sines of each position's angles,
    `(T, K/2)` each, fp32.
    """
    q, k, v = _Turn.apply(all_NX, *gains, *rope, about)
    return q, k, v


@triton.jit
def _forward(  # type: ignore[no-untyped-def]
    source, q_gain, k_gain, cosines, sines, turned, inverse, length, stride, eps,
    heads: tl.constexpr, both: tl.constexpr, half: tl.constexpr, normed: tl.constexpr, tile: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    head = tl.arange(0, tile)[:, None]
    pair = tl.arange(0, half)[None, :]
    inside = (head < both) & (pair < half)
    first = tl.load(source + row * stride + head * (2 * half) + pair, mask=inside, other=0.0).to(tl.float32)
    second = tl.load(source + row * stride + head * (2 * half) + half + pair, mask=inside, other=0.0).to(tl.float32)
    if normed:
        squares = tl.sum(first * first, 1) + tl.sum(second * second, 1)
        root = tl.rsqrt(squares / (2 * half) + eps)
        number = tl.arange(0, tile)
        tl.store(inverse + row * both + number, root, mask=number < both)
        query = head < heads
        first *= root[:, None] * tl.where(query, tl.load(q_gain + pair), tl.load(k_gain + pair))
        second *= root[:, None] * tl.where(query, tl.load(q_gain + half + pair), tl.load(k_gain + half + pair))
    cos = tl.load(cosines + (row % length) * half + pair)
    sin = tl.load(sines + (row % length) * half + pair)
    out = turned + row * (both * 2 * half) + head * (2 * half) + pair
    tl.store(out, (first * cos - second * sin).to(turned.dtype.element_ty), mask=inside)
    tl.store(out + half, (second * cos + first * sin).to(turned.dtype.element_ty), mask=inside)


@triton.jit
def _backward(  # type: ignore[no-untyped-def]
    q, k, v, q_b, q_h, q_t, k_b, k_h, k_t, v_b, v_h, v_t,
    source, q_gain, k_gain, cosines, sines, inverse, grad, parts, tokens, length, stride,
    heads: tl.constexpr, groups: tl.constexpr, half: tl.constexpr, normed: tl.constexpr,
    tile: tl.constexpr, values: tl.constexpr,
):  # fmt: skip
    head = tl.arange(0, tile)[:, None]
    pair = tl.arange(0, half)[None, :]
    both = heads + groups
    query = head < heads
    key = (head >= heads) & (head < both)
    inside = head < both
    if normed:
        gain_1 = tl.where(query, tl.load(q_gain + pair), tl.load(k_gain + pair))
        gain_2 = tl.where(query, tl.load(q_gain + half + pair), tl.load(k_gain + half + pair))
    part_1 = tl.zeros((tile, half), tl.float32)
    part_2 = tl.zeros((tile, half), tl.float32)
    for row in range(tl.program_id(0), tokens, tl.num_programs(0)):
        batch = tl.cast(row // length, tl.int64)
        place = row % length
        of_q = q + batch * q_b + place * q_t + head * q_h + pair
        of_k = k + batch * k_b + place * k_t + (head - heads) * k_h + pair
        slope_1 = tl.load(of_q, mask=query & inside, other=0.0).to(tl.float32)
        slope_1 += tl.load(of_k, mask=key, other=0.0).to(tl.float32)
        slope_2 = tl.load(of_q + half, mask=query & inside, other=0.0).to(tl.float32)
        slope_2 += tl.load(of_k + half, mask=key, other=0.0).to(tl.float32)
        cos = tl.load(cosines + place * half + pair)
        sin = tl.load(sines + place * half + pair)
        back_1 = slope_1 * cos + slope_2 * sin
        back_2 = slope_2 * cos - slope_1 * sin
        start = tl.cast(row, tl.int64) * stride + head * (2 * half) + pair
        if normed:
            number = tl.arange(0, tile)
            root = tl.load(inverse + tl.cast(row, tl.int64) * both + number, mask=number < both, other=0.0)[:, None]
            unit_1 = tl.load(source + start, mask=inside, other=0.0).to(tl.float32) * root
            unit_2 = tl.load(source + start + half, mask=inside, other=0.0).to(tl.float32) * root
            part_1 += back_1 * unit_1
            part_2 += back_2 * unit_2
            back_1 *= gain_1
            back_2 *= gain_2
            mean = (tl.sum(back_1 * unit_1, 1) + tl.sum(back_2 * unit_2, 1)) / (2 * half)
            back_1 = (back_1 - unit_1 * mean[:, None]) * root
            back_2 = (back_2 - unit_2 * mean[:, None]) * root
        tl.store(grad + start, back_1.to(grad.dtype.element_ty), mask=inside)
        tl.store(grad + start + half, back_2.to(grad.dtype.element_ty), mask=inside)
        group = tl.arange(0, values)[:, None]
        wide = tl.arange(0, 2 * half)[None, :]
        passed = tl.load(v + batch * v_b + place * v_t + group * v_h + wide, mask=group < groups, other=0.0)
        end = tl.cast(row, tl.int64) * stride + (both + group) * (2 * half) + wide
        tl.store(grad + end, passed.to(grad.dtype.element_ty), mask=group < groups)
    if normed:
        out = parts + tl.program_id(0).to(tl.int64) * (4 * half) + tl.arange(0, half)
        tl.store(out, tl.sum(tl.where(query, part_1, 0.0), 0))
        tl.store(out + half, tl.sum(tl.where(query, part_2, 0.0), 0))
        tl.store(out + 2 * half, tl.sum(tl.where(key, part_1, 0.0), 0))
        tl.store(out + 3 * half, tl.sum(tl.where(key, part_2, 0.0), 0))
