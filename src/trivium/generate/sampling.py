"""From logits to a token, with an own stream of random numbers for each request.

The uniform number of a request's n-th token is a hash of its seed and n (SplitMix64), so it does not depend on what
else is in the batch, and needs no generator state.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def uniforms(seeds: np.ndarray, index: int) -> np.ndarray:
    """One number in [0, 1) for each seed (uint64) at token `index`, float64."""
    with np.errstate(over="ignore"):
        z = seeds.astype(np.uint64) * np.uint64(0xD1342543DE82EF95) + np.uint64(index + 1) * np.uint64(
            0x9E3779B97F4A7C15
        )
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def choose(logits_BV: Tensor, temperatures_B: Tensor, uniforms_B: Tensor) -> tuple[Tensor, Tensor]:
    """Token ids and their log-probabilities (nats, at the row's temperature), `(B,)` each.

    Temperature 0 takes the likeliest token (its log-probability is that at temperature 1).
    """
    greedy_B = temperatures_B <= 0
    scaled_BV = logits_BV / torch.where(greedy_B, 1.0, temperatures_B)[:, None]
    logprobs_BV = torch.log_softmax(scaled_BV, dim=-1)
    best_B = logits_BV.argmax(-1)
    if bool(greedy_B.all()):
        return best_B, logprobs_BV.gather(1, best_B[:, None])[:, 0]
    cumulative_BV = logprobs_BV.double().exp().cumsum(-1)
    targets_B1 = (uniforms_B * cumulative_BV[:, -1])[:, None]
    drawn_B = torch.searchsorted(cumulative_BV, targets_B1, right=True)[:, 0].clamp(max=logits_BV.shape[1] - 1)
    chosen_B = torch.where(greedy_B, best_B, drawn_B)
    return chosen_B, logprobs_BV.gather(1, chosen_B[:, None])[:, 0]
