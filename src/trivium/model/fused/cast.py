"""Casts to eight bits as Triton kernels: a tensor is read once and written as it is and turned.

What the step before can cast by itself is not written in between: a norm's result, and both ways through the gate.
`model.float8.plain_cast` says in plain torch what they compute. Shapes: N tokens, K numbers of each, F feed-forward
width; N a multiple of 4.

A tile is read as four, of every fourth row each, so that the four numbers that lie side by side when turned are one
word of 32 bits, made by the hardware's own instructions, before they change threads. (Where a tile of fp32 was cast and
written both ways, what Triton 3.6 wrote turned had a quarter of wrong values on an H200; why was not found.)
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from trivium.model.float8 import Cast

FOURS, COLUMNS, WARPS = 8, 128, 4
"""A program's share of a tensor: four times so many rows of 128 bytes in eight bits, and columns of 32."""


def cast(
    x_NK: Tensor, to: Cast, scale: Tensor, noted: Tensor, inverse_N: Tensor | None = None, gain_K: Tensor | None = None
) -> None:
    """Cast `x` times the scale; with `inverse_N` and `gain_K` a row times its number and the gain, as norms do.

    The largest number before scaling is taken into `noted`.
    """
    rows, width = x_NK.shape
    normed = inverse_N is not None
    _cast[_grid(rows, width)](
        x_NK, *_places(to), scale, noted, inverse_N if normed else x_NK, gain_K if normed else x_NK,
        rows // 4, width, x_NK.stride(0), normed=normed, **_about(to),
    )  # fmt: skip


def gate_cast(both_NX: Tensor, to: Cast, scale: Tensor, noted: Tensor) -> None:
    """Cast `silu(first half) * second half` of each token's numbers, `(N, F)` from `(N, 2F)`."""
    rows, width = both_NX.shape[0], both_NX.shape[1] // 2
    _gate[_grid(rows, width)](both_NX, *_places(to), scale, noted, rows // 4, width, **_about(to))


def gate_slope_cast(slope_NF: Tensor, both_NX: Tensor, to: Cast, scale: Tensor, noted: Tensor) -> None:
    """Cast the gradient of what the gate took in, `(N, 2F)`, from that of what it gave."""
    rows, width = slope_NF.shape
    _gate_slope[_grid(rows, width)](slope_NF, both_NX, *_places(to), scale, noted, rows // 4, width, **_about(to))


def _grid(rows: int, width: int) -> tuple[int, int]:
    return triton.cdiv(rows, 4 * FOURS), triton.cdiv(width, COLUMNS)


def _places(to: Cast) -> tuple[Tensor, Tensor, int, int]:
    """Where to write: rows; columns as words of four; the strides of both."""
    words = to.columns.view(torch.int32)
    return to.rows, words, to.rows.stride(0), words.stride(0)


def _about(to: Cast) -> dict[str, Any]:
    """Sizes, and of which kind the eight bits are."""
    return {
        "limit": torch.finfo(to.rows.dtype).max, "hardware": to.rows.is_cuda,
        "block_f": FOURS, "block_c": COLUMNS, "num_warps": WARPS,
    }  # fmt: skip


@triton.jit
def _scaled(value, scale, limit: tl.constexpr):  # type: ignore[no-untyped-def]
    """What is no number stays none: it must be seen in the loss."""
    return tl.clamp(value * scale, -limit, limit, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def _bits(value, out):  # type: ignore[no-untyped-def]
    return value.to(out.dtype.element_ty).to(tl.uint8, bitcast=True).to(tl.int32)


@triton.jit
def _put(  # type: ignore[no-untyped-def]
    a, b, c, d, out, words, stride_out, stride_words, scale, four, at, inside,
    limit: tl.constexpr, hardware: tl.constexpr,
):  # fmt: skip
    """Write four tiles, each of every fourth row, in eight bits, as they are and turned."""
    a, b, c, d = _scaled(a, scale, limit), _scaled(b, scale, limit), _scaled(c, scale, limit), _scaled(d, scale, limit)
    place = out + (four * 4)[:, None] * stride_out + at[None, :]
    tl.store(place, a.to(out.dtype.element_ty), mask=inside)
    tl.store(place + stride_out, b.to(out.dtype.element_ty), mask=inside)
    tl.store(place + 2 * stride_out, c.to(out.dtype.element_ty), mask=inside)
    tl.store(place + 3 * stride_out, d.to(out.dtype.element_ty), mask=inside)
    if hardware and limit == 448.0:
        word = tl.inline_asm_elementwise(
            "{.reg .b16 lo, hi; cvt.rn.satfinite.e4m3x2.f32 lo, $2, $1; cvt.rn.satfinite.e4m3x2.f32 hi, $4, $3;"
            " mov.b32 $0, {lo, hi};}",
            "=r,f,f,f,f", [a, b, c, d], dtype=tl.int32, is_pure=True, pack=1,
        )  # fmt: skip
    elif hardware:
        word = tl.inline_asm_elementwise(
            "{.reg .b16 lo, hi; cvt.rn.satfinite.e5m2x2.f32 lo, $2, $1; cvt.rn.satfinite.e5m2x2.f32 hi, $4, $3;"
            " mov.b32 $0, {lo, hi};}",
            "=r,f,f,f,f", [a, b, c, d], dtype=tl.int32, is_pure=True, pack=1,
        )  # fmt: skip
    else:
        word = _bits(a, out) | (_bits(b, out) << 8) | (_bits(c, out) << 16) | (_bits(d, out) << 24)
    tl.store(words + at[None, :] * stride_words + four[:, None], word, mask=inside)


@triton.jit
def _note(a, b, c, d, noted):  # type: ignore[no-untyped-def]
    largest = tl.maximum(tl.maximum(tl.abs(a), tl.abs(b)), tl.maximum(tl.abs(c), tl.abs(d)))
    tl.atomic_max(noted, tl.max(largest), sem="relaxed")


@triton.jit
def _place(fours, width, block_f: tl.constexpr, block_c: tl.constexpr):  # type: ignore[no-untyped-def]
    """Which fours of rows and which columns are this program's, and which of them there are."""
    four = tl.program_id(0).to(tl.int64) * block_f + tl.arange(0, block_f)
    at = tl.program_id(1).to(tl.int64) * block_c + tl.arange(0, block_c)
    return four, at, (four < fours)[:, None] & (at < width)[None, :]


@triton.jit
def _normed(x, inverse, gain, row, at, inside, some, width, stride_x, normed: tl.constexpr):  # type: ignore[no-untyped-def]
    value = tl.load(x + row[:, None] * stride_x + at[None, :], mask=inside, other=0.0).to(tl.float32)
    if normed:
        value *= tl.load(inverse + row, mask=some, other=0.0)[:, None]
        value *= tl.load(gain + at, mask=at < width, other=0.0)[None, :]
    return value


@triton.jit
def _cast(  # type: ignore[no-untyped-def]
    x, out, words, stride_out, stride_words, scale, noted, inverse, gain, fours, width, stride_x,
    limit: tl.constexpr, hardware: tl.constexpr, normed: tl.constexpr, block_f: tl.constexpr, block_c: tl.constexpr,
):  # fmt: skip
    four, at, inside = _place(fours, width, block_f, block_c)
    some, row, factor = four < fours, four * 4, tl.load(scale)
    a = _normed(x, inverse, gain, row, at, inside, some, width, stride_x, normed)
    b = _normed(x, inverse, gain, row + 1, at, inside, some, width, stride_x, normed)
    c = _normed(x, inverse, gain, row + 2, at, inside, some, width, stride_x, normed)
    d = _normed(x, inverse, gain, row + 3, at, inside, some, width, stride_x, normed)
    _note(a, b, c, d, noted)
    _put(a, b, c, d, out, words, stride_out, stride_words, factor, four, at, inside, limit, hardware)


@triton.jit
def _gated(both, row, at, inside, width):  # type: ignore[no-untyped-def]
    place = both + row[:, None] * (2 * width) + at[None, :]
    opened = tl.load(place, mask=inside, other=0.0).to(tl.float32)
    return opened * tl.sigmoid(opened) * tl.load(place + width, mask=inside, other=0.0).to(tl.float32)


@triton.jit
def _gate(  # type: ignore[no-untyped-def]
    both, out, words, stride_out, stride_words, scale, noted, fours, width,
    limit: tl.constexpr, hardware: tl.constexpr, block_f: tl.constexpr, block_c: tl.constexpr,
):  # fmt: skip
    four, at, inside = _place(fours, width, block_f, block_c)
    row, factor = four * 4, tl.load(scale)
    a = _gated(both, row, at, inside, width)
    b = _gated(both, row + 1, at, inside, width)
    c = _gated(both, row + 2, at, inside, width)
    d = _gated(both, row + 3, at, inside, width)
    _note(a, b, c, d, noted)
    _put(a, b, c, d, out, words, stride_out, stride_words, factor, four, at, inside, limit, hardware)


@triton.jit
def _gate_slopes(slopes, both, row, at, inside, width):  # type: ignore[no-untyped-def]
    """The gradients of what was opened, and of the value."""
    place = both + row[:, None] * (2 * width) + at[None, :]
    slope = tl.load(slopes + row[:, None] * width + at[None, :], mask=inside, other=0.0).to(tl.float32)
    opened = tl.load(place, mask=inside, other=0.0).to(tl.float32)
    value = tl.load(place + width, mask=inside, other=0.0).to(tl.float32)
    share = tl.sigmoid(opened)
    return slope * value * share * (1 + opened * (1 - share)), slope * opened * share


@triton.jit
def _gate_slope(  # type: ignore[no-untyped-def]
    slopes, both, out, words, stride_out, stride_words, scale, noted, fours, width,
    limit: tl.constexpr, hardware: tl.constexpr, block_f: tl.constexpr, block_c: tl.constexpr,
):  # fmt: skip
    four, at, inside = _place(fours, width, block_f, block_c)
    row, factor = four * 4, tl.load(scale)
    a, k = _gate_slopes(slopes, both, row, at, inside, width)
    b, m = _gate_slopes(slopes, both, row + 1, at, inside, width)
    c, n = _gate_slopes(slopes, both, row + 2, at, inside, width)
    d, o = _gate_slopes(slopes, both, row + 3, at, inside, width)
    _note(a, b, c, d, noted)
    _note(k, m, n, o, noted)
    _put(a, b, c, d, out, words, stride_out, stride_words, factor, four, at, inside, limit, hardware)
    _put(k, m, n, o, out, words, stride_out, stride_words, factor, four, at + width, inside, limit, hardware)
