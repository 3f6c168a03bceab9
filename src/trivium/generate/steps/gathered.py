"""Attention of one new token a row over its slot, compiled by numba. Imported where it is first used.

Numbers come as fp32, or as the bits of bf16 (uint16); all arithmetic is fp32. Shapes: N rows, H query heads, G
key/value heads, R query heads that share one, K head width, S tokens in a slot.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

compiled: Any = nb.njit(
    fastmath={"nsz", "arcp", "contract", "afn", "reassoc"}, nogil=True, error_model="numpy"
)  # sums may be reordered; NaN and infinity stay what they are


def _wide(_context, x):  # type: ignore[no-untyped-def]
    """A number as fp32."""

    def build(_inner, builder, _signature, values):  # type: ignore[no-untyped-def]
        if x == types.float32:
            return values[0]
        bits = builder.shl(builder.zext(values[0], ir.IntType(32)), ir.Constant(ir.IntType(32), 16))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(x), build


def _narrow(_context, x, like):  # type: ignore[no-untyped-def]
    """An fp32 number in the form of `like`: the nearest, of two the even one; NaN stays NaN."""

    def build(_inner, builder, _signature, values):  # type: ignore[no-untyped-def]
        if like == types.float32:
            return values[0]
        whole, kind = ir.IntType(32), ir.IntType(16)
        bits = builder.bitcast(values[0], whole)
        high = builder.lshr(bits, ir.Constant(whole, 16))
        even = builder.add(builder.add(bits, ir.Constant(whole, 0x7FFF)), builder.and_(high, ir.Constant(whole, 1)))
        near = builder.lshr(even, ir.Constant(whole, 16))
        size = builder.and_(bits, ir.Constant(whole, 0x7FFFFFFF))
        nan = builder.icmp_unsigned(">", size, ir.Constant(whole, 0x7F800000))
        return builder.trunc(builder.select(nan, builder.or_(high, ir.Constant(whole, 0x40)), near), kind)

    return like(x, like), build


wide: Any = intrinsic(_wide)
narrow: Any = intrinsic(_narrow)


@compiled
def turn(new, gain, eps, cosines, sines, out):  # type: ignore[no-untyped-def]
    """Norm a head `(K,)`, where there is a gain, and turn it by its position's angles `(K/2,)`."""
    half, inverse = len(cosines), np.float32(1)
    if len(gain):
        squares = np.float32(0)
        for i in range(2 * half):
            squares += wide(new[i]) * wide(new[i])
        inverse = np.float32(1 / np.sqrt(squares / (2 * half) + eps))
    for i in range(half):
        a, b = wide(new[i]) * inverse, wide(new[half + i]) * inverse
        if len(gain):
            a, b = a * gain[i], b * gain[half + i]
        out[i] = a * cosines[i] - b * sines[i]
        out[half + i] = b * cosines[i] + a * sines[i]


@compiled
def weigh(queries, keys, scale, line, shares):  # type: ignore[no-untyped-def]
    """Fill `shares`, `(R, S)`, with what each of `queries`, `(R, K)`, makes of `keys`, `(S, K)`: the softmax."""
    for s in range(len(keys)):
        for i in range(len(line)):
            line[i] = wide(keys[s, i])
        for r in range(len(queries)):
            score = np.float32(0)
            for i in range(len(line)):
                score += queries[r, i] * line[i]
            shares[r, s] = score * scale
    for r in range(len(queries)):
        most, total = shares[r, 0], np.float32(0)
        for s in range(1, len(keys)):
            most = max(most, shares[r, s])
        for s in range(len(keys)):
            shares[r, s] = np.exp(shares[r, s] - most)
            total += shares[r, s]
        for s in range(len(keys)):
            shares[r, s] /= total


@compiled
def mix(shares, values, line, total, out):  # type: ignore[no-untyped-def]
    """Fill `out`, `(R, K)`, with `values`, `(S, K)`, each times its share."""
    total[:] = 0
    for s in range(len(values)):
        for i in range(len(line)):
            line[i] = wide(values[s, i])
        for r in range(len(total)):
            for i in range(len(line)):
                total[r, i] += shares[r, s] * line[i]
    for r in range(len(total)):
        for i in range(len(line)):
            out[r, i] = narrow(total[r, i], out[r, i])


@compiled
def gather(new, keys, values, positions, targets, cosines, sines, gains, eps, out, start, stop):  # type: ignore[no-untyped-def]
    """Fill rows `start` to `stop` of `out`, `(N, H, K)`, and put their keys and values into the slots.

    `new` is `(N, H + 2G, K)`: queries, keys and values of each row's token; `keys` and `values` `(B, G, S, K)`, of
    which the first N slots are the rows'; `gains` `(2, K)` of queries and keys, or `(2, 0)` where none are normed.
    """
    _, groups, tokens, width = keys.shape
    heads, scale = new.shape[1] - 2 * groups, np.float32(1 / np.sqrt(width))
    share = heads // groups
    turned, line = np.empty((heads + groups, width), np.float32), np.empty(width, np.float32)
    shares, total = np.empty((share, tokens), np.float32), np.empty((share, width), np.float32)
    for n in range(start, stop):
        at, target = positions[n], targets[n]
        for h in range(heads + groups):
            turn(new[n, h], gains[int(h >= heads)], eps, cosines[at], sines[at], turned[h])
        for g in range(groups):
            for i in range(width):
                keys[n, g, target, i] = narrow(turned[heads + g, i], keys[n, g, target, i])
                values[n, g, target, i] = new[n, heads + groups + g, i]
            asking = slice(g * share, (g + 1) * share)
            weigh(turned[asking], keys[n, g, : at + 1], scale, line, shares)
            mix(shares, values[n, g, : at + 1], line, total, out[n, asking])
