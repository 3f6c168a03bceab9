"""Casts to eight bits as Triton kernels: a tensor is read once and written as it is and turned.

What the step before can cast by itself is not written in between: a norm's result, and both ways through the gate.
`model.float8.plain_cast` says in plain torch what they compute. Shapes: N tokens, K numbers of each, F feed-forward
width.
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from trivium.model.float8 import Cast

ROWS, COLUMNS, WARPS = 64, 128, 8
"""A program's share of a tensor: rows of 128 bytes in eight bits, and columns of 64."""


def cast(
    x_NK: Tensor, to: Cast, scale: Tensor, noted: Tensor, inverse_N: Tensor | None = None, gain_K: Tensor | None = None
) -> None:
    """Cast `x` times the scale; with `inverse_N` and `gain_K` a row times its number and the gain, as norms do.

    The largest number before scaling is taken into `noted`.
    """
    rows, width = x_NK.shape
    normed = inverse_N is not None
    _cast[_grid(rows, width)](
        x_NK, to.rows, to.columns, scale, noted, inverse_N if normed else x_NK, gain_K if normed else x_NK,
        rows, width, x_NK.stride(0), to.rows.stride(0), to.columns.stride(0), limit=_limit(to), normed=normed,
        block_r=ROWS, block_c=COLUMNS, num_warps=WARPS,
    )  # fmt: skip


def gate_cast(both_NX: Tensor, to: Cast, scale: Tensor, noted: Tensor) -> None:
    """Cast `silu(first half) * second half` of each token's numbers, `(N, F)` from `(N, 2F)`."""
    rows, width = both_NX.shape[0], both_NX.shape[1] // 2
    _gate[_grid(rows, width)](
        both_NX, to.rows, to.columns, scale, noted, rows, width, limit=_limit(to),
        block_r=ROWS, block_c=COLUMNS, num_warps=WARPS,
    )  # fmt: skip


def gate_slope_cast(slope_NF: Tensor, both_NX: Tensor, to: Cast, scale: Tensor, noted: Tensor) -> None:
    """Cast the gradient of what the gate took in, `(N, 2F)`, from that of what it gave."""
    rows, width = slope_NF.shape
    _gate_slope[_grid(rows, width)](
        slope_NF, both_NX, to.rows, to.columns, scale, noted, rows, width, limit=_limit(to),
        block_r=ROWS, block_c=COLUMNS, num_warps=WARPS,
    )  # fmt: skip


def _grid(rows: int, width: int) -> tuple[int, int]:
    return triton.cdiv(rows, ROWS), triton.cdiv(width, COLUMNS)


def _limit(to: Cast) -> float:
    return 448.0 if to.rows.dtype.itemsize == 1 and "e4m3" in str(to.rows.dtype) else 57344.0


@triton.jit
def _put(value, out, turned, scale, row, at, inside, stride_out, stride_turned, limit: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write a tile in eight bits, as it is and turned. What is no number stays none: it must be seen in the loss."""
    scaled = tl.clamp(value * scale, -limit, limit, propagate_nan=tl.PropagateNan.ALL)
    eight = scaled.to(out.dtype.element_ty)
    tl.store(out + row[:, None] * stride_out + at[None, :], eight, mask=inside)
    tl.store(turned + at[None, :] * stride_turned + row[:, None], eight, mask=inside)


@triton.jit
def _cast(  # type: ignore[no-untyped-def]
    x, out, turned, scale, noted, inverse, gain, rows, width, stride_x, stride_out, stride_turned,
    limit: tl.constexpr, normed: tl.constexpr, block_r: tl.constexpr, block_c: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * block_r + tl.arange(0, block_r)
    at = tl.program_id(1).to(tl.int64) * block_c + tl.arange(0, block_c)
    inside = (row < rows)[:, None] & (at < width)[None, :]
    value = tl.load(x + row[:, None] * stride_x + at[None, :], mask=inside, other=0.0).to(tl.float32)
    if normed:
        value *= tl.load(inverse + row, mask=row < rows, other=0.0)[:, None]
        value *= tl.load(gain + at, mask=at < width, other=0.0)[None, :]
    tl.atomic_max(noted, tl.max(tl.abs(value)), sem="relaxed")
    _put(value, out, turned, tl.load(scale), row, at, inside, stride_out, stride_turned, limit)


@triton.jit
def _gate(  # type: ignore[no-untyped-def]
    both, out, turned, scale, noted, rows, width,
    limit: tl.constexpr, block_r: tl.constexpr, block_c: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * block_r + tl.arange(0, block_r)
    at = tl.program_id(1).to(tl.int64) * block_c + tl.arange(0, block_c)
    inside = (row < rows)[:, None] & (at < width)[None, :]
    place = both + row[:, None] * (2 * width) + at[None, :]
    opened = tl.load(place, mask=inside, other=0.0).to(tl.float32)
    value = opened * tl.sigmoid(opened) * tl.load(place + width, mask=inside, other=0.0).to(tl.float32)
    tl.atomic_max(noted, tl.max(tl.abs(value)), sem="relaxed")
    _put(value, out, turned, tl.load(scale), row, at, inside, width, rows, limit)


@triton.jit
def _gate_slope(  # type: ignore[no-untyped-def]
    slopes, both, out, turned, scale, noted, rows, width,
    limit: tl.constexpr, block_r: tl.constexpr, block_c: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * block_r + tl.arange(0, block_r)
    at = tl.program_id(1).to(tl.int64) * block_c + tl.arange(0, block_c)
    inside = (row < rows)[:, None] & (at < width)[None, :]
    place = both + row[:, None] * (2 * width) + at[None, :]
    slope = tl.load(slopes + row[:, None] * width + at[None, :], mask=inside, other=0.0).to(tl.float32)
    opened = tl.load(place, mask=inside, other=0.0).to(tl.float32)
    value = tl.load(place + width, mask=inside, other=0.0).to(tl.float32)
    share = tl.sigmoid(opened)
    factor = tl.load(scale)
    of_value = slope * opened * share
    of_opened = slope * value * share * (1 + opened * (1 - share))
    tl.atomic_max(noted, tl.max(tl.maximum(tl.abs(of_value), tl.abs(of_opened))), sem="relaxed")
    _put(of_opened, out, turned, factor, row, at, inside, 2 * width, rows, limit)
    _put(of_value, out, turned, factor, row, at + width, inside, 2 * width, rows, limit)
