"""Carrying out steps: called on a CPU, replayed as graphs on a GPU."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from trivium.generate.sampling import best
from trivium.generate.steps.decode import SAMPLED, State, scores, step
from trivium.generate.steps.shaping import Shaping
from trivium.generate.steps.slots import Slots
from trivium.generate.steps.weights import Weights

Top = list[list[tuple[int, float]]]


@dataclass
class Answer:
    """What a step draws, as soon as it has been computed."""

    ids: Tensor
    logprobs: Tensor
    top: Top = field(default_factory=list)
    ready: Any = None
    """A CUDA event."""

    def wait(self) -> tuple[list[int], list[float], Top]:
        """Ids, log-probabilities and likeliest alternatives, by slot."""
        if self.ready is not None:
            self.ready.synchronize()
        return self.ids.tolist(), self.logprobs.tolist(), self.top


class Runner:
    """Runs steps over the slots and the state that go with them."""

    def __init__(self, weights: Weights, slots: Slots, state: State) -> None:
        self.weights, self.slots, self.state = weights, slots, state
        self.ahead = weights.device.type == "cuda"
        """Whether a step is computed while the host goes on: its answer is asked for one step later."""

    def bucket(self, count: int) -> int:
        """How many slots are computed so that these many are."""
        return count

    def run(self, rows: int, seen: int, alike: bool, kind: str) -> Answer:
        """Begin a step: logits, a token for each of the first `rows` slots, the state moved on."""
        logits_NV = scores(self.weights, self.slots, self.state, rows, seen, alike)
        return Answer(*step(logits_NV, self.state, kind))

    def shaped(self, rows: int, seen: int, shaping: Shaping) -> Answer:
        """The same for rows of which some have wishes."""
        logits_NV = scores(self.weights, self.slots, self.state, rows, seen)
        temperatures_N = self.state.temperatures[:rows]
        ids_N, logprobs_N = step(logits_NV, self.state, SAMPLED, shaping.shape(logits_NV))
        shaping.note(ids_N)
        divisors_N = torch.where(temperatures_N > 0, temperatures_N, 1.0)
        top = best(torch.log_softmax(logits_NV / divisors_N[:, None], -1), shaping.top) if shaping.top else []
        return Answer(ids_N, logprobs_N, top)
