"""From logits to a token, with an own stream of random numbers for each request.

The uniform number of a request's n-th token is a hash of its seed and n (SplitMix64), so it does not depend on what
else is in the batch, and needs no generator state. It is written twice, for numpy and for a GPU: the same numbers.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

SEED, TOKEN, FIRST, SECOND = 0xD1342543DE82EF95, 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
BLOCK = 256
"""Tokens whose shares are summed at once."""


def uniforms(seeds: np.ndarray, index: int | np.ndarray) -> np.ndarray:
    """One number in [0, 1) for each seed (uint64) at token `index` (one for all, or each its own), float64."""
    with np.errstate(over="ignore"):
        place = np.asarray(index).astype(np.uint64) + np.uint64(1)
        z = seeds.astype(np.uint64) * np.uint64(SEED) + place * np.uint64(TOKEN)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(FIRST)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(SECOND)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def draws(seeds_B: Tensor, index_B: Tensor) -> Tensor:
    """`uniforms` on the tensors' device, `(B,)` float64. Seeds are the bits of uint64 in int64."""
    z = seeds_B * _signed(SEED) + (index_B + 1) * _signed(TOKEN)
    z = (z ^ _shifted(z, 30)) * _signed(FIRST)
    z = (z ^ _shifted(z, 27)) * _signed(SECOND)
    z = z ^ _shifted(z, 31)
    return _shifted(z, 11).double() / float(1 << 53)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _shifted(z: Tensor, count: int) -> Tensor:
    """A shift to the right that fills with zeros: int64's own copies the sign."""
    return (z >> count) & ((1 << (64 - count)) - 1)


def choose(
    logits_BV: Tensor, temperatures_B: Tensor, uniforms_B: Tensor | None, kept_BV: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Token ids and their log-probabilities (nats, at the row's temperature), `(B,)` each.

    Temperature 0 takes the likeliest token (its log-probability is that at temperature 1). Without `uniforms_B` all
    rows are of temperature 0. `kept_BV` are the logits after bias, penalties and cuts: tokens are drawn from them,
    while log-probabilities stay those of `logits_BV`.
    """
    if uniforms_B is None:
        best_B = (logits_BV if kept_BV is None else kept_BV).argmax(-1)
        return best_B, told(logits_BV, best_B)
    greedy_B = temperatures_B <= 0
    divisors_B1 = torch.where(greedy_B, 1.0, temperatures_B)[:, None]
    shares_BV = torch.softmax(logits_BV / divisors_B1, -1)
    drawn_BV = shares_BV if kept_BV is None else torch.softmax(kept_BV / divisors_B1, -1)
    best_B = (logits_BV if kept_BV is None else kept_BV).argmax(-1)
    drawn_B = _at(drawn_BV, uniforms_B)
    chosen_B = torch.where(greedy_B, best_B, drawn_B)
    return chosen_B, shares_BV.gather(1, chosen_B[:, None])[:, 0].log()


def told(logits_BV: Tensor, ids_B: Tensor) -> Tensor:
    """The log-probabilities of ids at temperature 1, `(B,)`."""
    return torch.log_softmax(logits_BV, -1).gather(1, ids_B[:, None])[:, 0]


def _at(shares_BV: Tensor, uniforms_B: Tensor) -> Tensor:
    """Where each row's cumulated shares pass its uniform number, `(B,)`.

    Blocks are summed first, and only one of them is cumulated token by token: adding up all tokens in order is what
    cost most of a step. The place in a block is a fraction of its own sum, so a token of share 0 is never met.
    """
    spare = -shares_BV.shape[1] % BLOCK
    blocks_BCW = (F.pad(shares_BV, (0, spare)) if spare else shares_BV).view(len(shares_BV), -1, BLOCK)
    sums_BC = blocks_BCW.sum(-1, dtype=torch.float64)
    ends_BC = sums_BC.cumsum(-1)
    targets_B1 = (uniforms_B * ends_BC[:, -1])[:, None]
    block_B1 = torch.searchsorted(ends_BC, targets_B1, right=True).clamp(max=ends_BC.shape[1] - 1)
    sum_B1 = sums_BC.gather(1, block_B1)
    fraction_B1 = (targets_B1 - (ends_BC.gather(1, block_B1) - sum_B1)) / sum_B1
    inner_BW = blocks_BCW.gather(1, block_B1[:, :, None].expand(-1, 1, BLOCK))[:, 0].cumsum(-1, dtype=torch.float64)
    places_B1 = fraction_B1.clamp(0, 1 - 2**-53) * inner_BW[:, -1:]
    return (block_B1 * BLOCK + torch.searchsorted(inner_BW, places_B1, right=True))[:, 0]


def best(logprobs_NV: Tensor, top: int) -> list[list[tuple[int, float]]]:
    """The `top` likeliest ids of each row with their log-probabilities; nothing for 0."""
    if not top:
        return []
    values, ids = logprobs_NV.topk(top, -1)
    return [
        list(zip(row, row_values, strict=True)) for row, row_values in zip(ids.tolist(), values.tolist(), strict=True)
    ]
