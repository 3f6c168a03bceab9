"""Attention of rows that decode, on a CPU: norms, rotation, writing and gathering in one pass over each row.

torch's kernel for it takes several times as long where rows have one query: it lays out tiles for many.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trivium.generate.steps.slots import Place, Slots
from trivium.generate.steps.threads import share
from trivium.ground.compiled import keep, place_of

SHARED = 1 << 18
"""Numbers to be read from slots from which a second thread pays."""


def can_alone(new_NX: Tensor, place: Place) -> bool:
    """Whether rows of one token each can go this way."""
    side_by_side = place.rows == slice(0, len(new_NX)) and not place.whole
    return side_by_side and new_NX.device.type == "cpu" and new_NX.dtype in (torch.float32, torch.bfloat16)


def attend_alone(
    new_NX: Tensor, slots: Slots, layer: int, place: Place, gains: tuple[Tensor, ...], eps: float
) -> Tensor:
    """What each head gathers, `(N, H·K)`, for rows of one token each that lie side by side from slot 0.

    `new_NX` holds their queries, keys and values; the latter two are in the slots then. `gains` are those of queries
    and keys in fp32, `(K,)` each, or none. Every row is one thread's alone: what comes out depends on no other.
    """
    keys, values = slots.keys[layer], slots.values[layer]
    rows, groups, width = len(new_NX), keys.shape[1], keys.shape[3]
    out_NX = new_NX.new_empty(rows, new_NX.shape[1] - 2 * groups * width)
    positions_N, targets_N = place.positions_NT[:, 0].numpy(), place.targets_NT[:, 0].numpy()
    kernel, (cosines, sines) = compiled(), (x.numpy() for x in slots.angles)
    given = (
        _raw(new_NX).reshape(rows, -1, width), _raw(keys), _raw(values), positions_N, targets_N, cosines, sines,
        np.stack([gain.numpy() for gain in gains]) if gains else np.empty((2, 0), np.float32), np.float32(eps),
        _raw(out_NX).reshape(rows, -1, width),
    )  # fmt: skip
    threads = torch.get_num_threads() if rows * groups * place.seen * width >= SHARED else 1
    share(lambda start, stop: kernel(*given, start, stop), rows, threads)
    return out_NX


def _raw(tensor: Tensor) -> np.ndarray:
    """Its memory: fp32, or the bits of bf16."""
    return (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()


@cache
def compiled() -> Callable[..., Any]:
    """The kernel; the first time on a machine it takes some seconds."""
    from trivium.generate.steps.gathered import gather

    return keep(gather, place_of(Path(__file__).parents[1], ("steps",)))
