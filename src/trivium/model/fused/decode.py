"""Attention of one new token a row over slots of keys and values, in two or three kernels; forward only.

The first norms and turns queries and keys and puts keys and values into the slots. The second reads each slot as far as
its row has come, in spans that run side by side (2311.01282); where there are several, the third puts their parts
together. Nothing waits for the host and no shape depends on positions, so that a CUDA graph can hold it.

Shapes: N rows, H query heads, G key/value heads, K head width, S tokens in a slot, P spans.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from trivium.model.fused.heads import Heads

PROGRAMS = 264
"""With fewer rows times groups than this, slots are read in spans (two programs for each unit on Hopper)."""
SPAN = 128
BLOCK, WARPS, STAGES = 32, 2, 3
"""Tokens that a program looks at at once, its warps, and how many blocks are on their way from memory meanwhile."""
LEAST = 16
"""Rows and columns of the smallest product of tensor cores."""


def attend_slots(
    all_NX: Tensor,
    slots: tuple[Tensor, Tensor],
    positions_N: Tensor,
    seen: int,
    gains: tuple[Tensor, Tensor] | None,
    rope: tuple[Tensor, Tensor],
    about: Heads,
) -> Tensor:
    """What each head gathers, `(N, H·K)`; the new keys and values are in the slots then.

    `all_NX` holds queries, keys and values of each row's new token, `slots` the keys and the values of one layer,
    `(B, G, S, K)` each, of which the first N belong to the rows. Rows at position -1 stand still: nothing is written,
    and they gather zeros. No position is `seen` or beyond.
    """
    rows, (keys, values) = len(all_NX), slots
    tokens, width = keys.shape[2], about.width
    q_NHK = torch.empty(rows, about.heads, width, dtype=all_NX.dtype, device=all_NX.device)
    q_gain, k_gain = gains or (all_NX, all_NX)
    _place[(rows,)](
        all_NX, q_NHK, keys, values, positions_N, q_gain, k_gain, *rope, tokens, about.eps,
        heads=about.heads, groups=about.groups, half=width // 2, normed=about.normed,
        tile=triton.next_power_of_2(about.both), values_tile=triton.next_power_of_2(about.groups), num_warps=4,
    )  # fmt: skip
    out_NX = torch.empty(rows, about.heads * width, dtype=all_NX.dtype, device=all_NX.device)
    spans = 1 if rows * about.groups >= PROGRAMS else triton.cdiv(seen, SPAN)
    several = spans > 1
    parts = all_NX.new_empty(rows, about.heads, spans, width, dtype=torch.float32) if several else out_NX
    sums = all_NX.new_empty(rows, about.heads, spans, 2, dtype=torch.float32) if several else out_NX
    share = about.heads // about.groups
    ways, wide = (max(LEAST, triton.next_power_of_2(size)) for size in (share, width))
    _gather[(rows, about.groups, spans)](
        q_NHK, keys, values, positions_N, out_NX, parts, sums,
        tokens, width**-0.5, spans, SPAN if several else tokens,
        heads=about.heads, groups=about.groups, share=share, ways=ways, width=width, wide=wide,
        block=BLOCK, stages=STAGES, several=several, num_warps=WARPS,
    )  # fmt: skip
    if several:
        _together[(rows, about.heads)](
            parts, sums, out_NX, spans, width=width, wide=triton.next_power_of_2(width),
            tile=triton.next_power_of_2(spans), num_warps=1,
        )  # fmt: skip
    return out_NX


@triton.jit
def _place(  # type: ignore[no-untyped-def]
    source, queries, keys, values, positions, q_gain, k_gain, cosines, sines, tokens, eps,
    heads: tl.constexpr, groups: tl.constexpr, half: tl.constexpr, normed: tl.constexpr,
    tile: tl.constexpr, values_tile: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    position = tl.load(positions + row)
    place = tl.maximum(position, 0)
    both: tl.constexpr = heads + groups
    width: tl.constexpr = 2 * half
    start = source + row * ((both + groups) * width)
    head = tl.arange(0, tile)[:, None]
    pair = tl.arange(0, half)[None, :]
    inside = head < both
    first = tl.load(start + head * width + pair, mask=inside, other=0.0).to(tl.float32)
    second = tl.load(start + head * width + half + pair, mask=inside, other=0.0).to(tl.float32)
    query = head < heads
    if normed:
        squares = tl.sum(first * first, 1) + tl.sum(second * second, 1)
        root = tl.rsqrt(squares / width + eps)
        first *= root[:, None] * tl.where(query, tl.load(q_gain + pair), tl.load(k_gain + pair))
        second *= root[:, None] * tl.where(query, tl.load(q_gain + half + pair), tl.load(k_gain + half + pair))
    cos = tl.load(cosines + place * half + pair)
    sin = tl.load(sines + place * half + pair)
    kind = queries.dtype.element_ty
    turned_1 = (first * cos - second * sin).to(kind)
    turned_2 = (second * cos + first * sin).to(kind)
    to = queries + row * (heads * width) + head * width + pair
    tl.store(to, turned_1, mask=query)
    tl.store(to + half, turned_2, mask=query)
    moving = position >= 0
    key = (head >= heads) & inside & moving
    to = keys + ((row * groups + head - heads) * tokens + place) * width + pair
    tl.store(to, turned_1, mask=key)
    tl.store(to + half, turned_2, mask=key)
    group = tl.arange(0, values_tile)[:, None]
    at = tl.arange(0, width)[None, :]
    passed = tl.load(start + (both + group) * width + at, mask=group < groups, other=0.0)
    to = values + ((row * groups + group) * tokens + place) * width + at
    tl.store(to, passed, mask=(group < groups) & moving)


@triton.jit
def _gather(  # type: ignore[no-untyped-def]
    queries, keys, values, positions, out, parts, sums, tokens, scale, spans, span,
    heads: tl.constexpr, groups: tl.constexpr, share: tl.constexpr, ways: tl.constexpr, width: tl.constexpr,
    wide: tl.constexpr, block: tl.constexpr, stages: tl.constexpr, several: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    group = tl.program_id(1)
    number = tl.program_id(2)
    low = number * span
    high = tl.minimum(tl.load(positions + row) + 1, low + span).to(tl.int32)
    way = tl.arange(0, ways)
    at = tl.arange(0, wide)
    column = at < width
    head = row * heads + group * share + way
    asked = (way < share)[:, None] & column[None, :]
    q = tl.load(queries + head[:, None] * width + at[None, :], mask=asked, other=0.0)
    most = tl.full((ways,), -float("inf"), tl.float32)
    total = tl.zeros((ways,), tl.float32)
    gathered = tl.zeros((ways, wide), tl.float32)
    base = (row * groups + group) * tokens * width
    for start in tl.range(low, high, block, num_stages=stages):
        place = start + tl.arange(0, block)
        there = place < high
        where = base + place[:, None] * width + at[None, :]
        k = tl.load(keys + where, mask=there[:, None] & column[None, :], other=0.0)
        scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        scores = tl.where(there[None, :], scores, -float("inf"))
        higher = tl.maximum(most, tl.max(scores, 1))
        shares = tl.exp(scores - higher[:, None])
        kept = tl.exp(most - higher)
        v = tl.load(values + where, mask=there[:, None] & column[None, :], other=0.0)
        gathered = gathered * kept[:, None] + tl.dot(shares.to(v.dtype), v, input_precision="ieee")
        total = total * kept + tl.sum(shares, 1)
        most = higher
    if several:
        part = head * spans + number
        tl.store(parts + part[:, None] * width + at[None, :], gathered, mask=asked)
        tl.store(sums + part * 2, most, mask=way < share)
        tl.store(sums + part * 2 + 1, total, mask=way < share)
    else:
        result = gathered / tl.where(total > 0, total, 1.0)[:, None]
        tl.store(out + head[:, None] * width + at[None, :], result.to(out.dtype.element_ty), mask=asked)


@triton.jit
def _together(  # type: ignore[no-untyped-def]
    parts, sums, out, spans, width: tl.constexpr, wide: tl.constexpr, tile: tl.constexpr
):
    head = tl.program_id(0).to(tl.int64) * tl.num_programs(1) + tl.program_id(1)
    number = tl.arange(0, tile)
    there = number < spans
    at = tl.arange(0, wide)
    column = at < width
    most = tl.load(sums + (head * spans + number) * 2, mask=there, other=-float("inf"))
    total = tl.load(sums + (head * spans + number) * 2 + 1, mask=there, other=0.0)
    highest = tl.max(most, 0)
    weight = tl.where(total > 0, tl.exp(most - tl.where(highest > -float("inf"), highest, 0.0)), 0.0)
    where = (head * spans + number)[:, None] * width + at[None, :]
    part = tl.load(parts + where, mask=there[:, None] & column[None, :], other=0.0)
    whole = tl.sum(weight * total, 0)
    result = tl.sum(weight[:, None] * part, 0) / tl.where(whole > 0, whole, 1.0)
    tl.store(out + head * width + at, result.to(out.dtype.element_ty), mask=column)
