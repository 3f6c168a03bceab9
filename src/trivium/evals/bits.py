"""Bits per byte: how many bits a model needs for each byte of text that it has not seen. Lower is better.

Counted per byte, so that models with different tokenizers compare. Long documents are read in windows that overlap by
half; each token is counted once, with at least half a window before it (but for the first half of a document).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from trivium.evals.intervals import Interval, bootstrap, paired_difference
from trivium.ground.progress import Progress
from trivium.model.loss import token_logprobs
from trivium.model.transformer import Transformer
from trivium.text.shards import TokenShard


def windows(length: int, size: int) -> list[tuple[int, int, int]]:
    """Windows over `length` targets: (start, stop, first counted target), each target counted exactly once."""
    found, counted = [], 0
    start = 0
    while counted < length:
        stop = min(start + size, length)
        found.append((start, stop, counted))
        counted = stop
        start = max(0, stop - size // 2) if stop < length else stop
    return found


@torch.no_grad()
def document_bits(
    model: Transformer,
    shard: TokenShard,
    chosen: Sequence[int],
    end_of_text: int,
    window: int = 256,
    rows: int = 32,
    bar: Progress | None = None,
) -> np.ndarray:
    """Bits that `model` needs for each chosen document of a shard, its end included, `(len(chosen),)` float64."""
    model.eval()
    jobs = []
    for place, index in enumerate(chosen):
        ids = np.concatenate([[end_of_text], np.asarray(shard.document(index), np.int64)])
        jobs += [(place, ids[a : b + 1], counted - a) for a, b, counted in windows(len(ids) - 1, window)]
    jobs.sort(key=lambda job: -len(job[1]))
    bits = np.zeros(len(chosen))
    for start in range(0, len(jobs), rows):
        part = jobs[start : start + rows]
        longest = len(part[0][1])
        padded = np.full((len(part), longest), end_of_text, np.int64)
        for row, (_, ids, _) in enumerate(part):
            padded[row, : len(ids)] = ids
        ids_BT = torch.from_numpy(padded).to(model.device)
        hidden_BTD = model(ids_BT[:, :-1])
        flat_ND = hidden_BTD.reshape(-1, hidden_BTD.shape[-1])
        nats_BT = -token_logprobs(flat_ND, model.lm_head.weight, ids_BT[:, 1:].reshape(-1)).view(len(part), -1)
        for row, (place, ids, first) in enumerate(part):
            bits[place] += float(nats_BT[row, first : len(ids) - 1].double().sum()) / math.log(2)
        if bar is not None:
            bar.advance(len(part))
    return bits


def per_byte(bits: np.ndarray, sizes: np.ndarray) -> Interval:
    """Bits per byte over documents of `sizes` bytes, with a 95 % interval from resampling documents."""
    return bootstrap(bits, weights=sizes)


def margin(bits: np.ndarray, other: np.ndarray, sizes: np.ndarray) -> Interval:
    """How many bits per byte `bits` saves against `other` on the same documents, paired; above zero is better."""
    return paired_difference(other, bits, weights=sizes)
