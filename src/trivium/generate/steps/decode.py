"""One step of decoding for all slots: a function of fixed shape over tensors that stay in place.

The state of each slot lives on the device: the id that comes next, where it stands, and the request's temperature and
seed. A step reads it, draws a token for each slot, and leaves it ready for the next step, so that no step waits for the
host. On a GPU it is replayed as a graph (`graphs`); on a CPU it is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trivium.generate.sampling import choose, draws
from trivium.generate.steps.forward import forward, logits, mask_of
from trivium.generate.steps.slots import Place, Slots, carried
from trivium.generate.steps.weights import Weights

GREEDY, SAMPLED, LOGITS = "greedy", "sampled", "logits"
"""What a step does after the logits: take the likeliest, draw, or nothing."""


@dataclass(frozen=True)
class Standing:
    """What a slot begins to decode with."""

    token: int
    """The id that is read first."""
    position: int
    """Where it stands; -1: the slot stands still."""
    index: int = 0
    """Which token of the completion is drawn next."""
    temperature: float = 0.0
    seed: int = 0


STILL = Standing(0, -1)


class State:
    """The standing of all slots, `(B,)` each."""

    def __init__(self, rows: int, device: torch.device) -> None:
        self.rows, self.device = rows, device
        self.ids = torch.zeros(rows, dtype=torch.int64, device=device)
        self.positions = torch.full((rows,), -1, dtype=torch.int64, device=device)
        self.index = torch.zeros(rows, dtype=torch.int64, device=device)
        self.seeds = torch.zeros(rows, dtype=torch.int64, device=device)
        self.temperatures = torch.zeros(rows, dtype=torch.float32, device=device)

    def put(self, slots: Sequence[int], standings: Sequence[Standing]) -> None:
        """Set what these slots stand at; the others go on where they are."""
        whole = np.array([(s.token, s.position, s.index, bits(s.seed)) for s in standings], np.int64)
        broken = np.array([s.temperature for s in standings], np.float64)
        numbers = np.vstack([whole.T, broken.view(np.int64)])  # one transfer for both
        where, given = carried(slots, self.device), carried(numbers, self.device)
        for kept, column in zip((self.ids, self.positions, self.index, self.seeds), given[:4], strict=True):
            kept[where] = column
        self.temperatures[where] = given[4].view(torch.float64).float()

    def move(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Slots change their numbers; the old ones stand still."""
        old, new = carried(sources, self.device), carried(targets, self.device)
        for kept in (self.ids, self.positions, self.index, self.seeds, self.temperatures):
            kept[new] = kept[old]
        self.positions[old] = -1


def bits(seed: int) -> int:
    """A seed of any size as the int64 that has the bits of the uint64."""
    seed &= 2**64 - 1
    return seed - 2**64 if seed >> 63 else seed


def scores(weights: Weights, slots: Slots, state: State, rows: int, seen: int, alike: bool = False) -> Tensor:
    """The logits of the first `rows` slots, `(rows, V)` fp32; `seen` is more than any of their positions.

    `alike` says that all of them stand at the last position that is seen: no mask is needed.
    """
    standing_N1 = state.positions[:rows, None]
    if alike:
        place = Place(slice(0, rows), standing_N1, standing_N1, seen, False)
    else:
        positions_N1 = standing_N1.clamp(min=0)
        targets_N1 = torch.where(standing_N1 < 0, slots.tokens - 1, standing_N1)
        place = Place(slice(0, rows), positions_N1, targets_N1, seen, False, mask_of(positions_N1, seen))
    return logits(weights, forward(weights, slots, state.ids[:rows, None], place)[:, 0])


def advance(state: State, ids_N: Tensor) -> None:
    """The drawn ids are what comes next, one position further; slots that stand still go on doing so."""
    rows = len(ids_N)
    state.ids[:rows] = ids_N
    state.index[:rows] += 1
    state.positions[:rows] += (state.positions[:rows] >= 0).to(torch.int64)


def step(logits_NV: Tensor, state: State, kind: str, kept_NV: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Draw a token for each row and advance; ids and log-probabilities, `(N,)` each."""
    rows = len(logits_NV)
    random_N = None if kind == GREEDY else draws(state.seeds[:rows], state.index[:rows])
    ids_N, logprobs_N = choose(logits_NV, state.temperatures[:rows], random_N, kept_NV)
    advance(state, ids_N)
    return ids_N, logprobs_N
