"""Carrying out steps: called on a CPU, replayed as graphs on a GPU."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from trivium.generate.sampling import best
from trivium.generate.steps.decode import LOGITS, SAMPLED, State, scores, step
from trivium.generate.steps.graphs import Graphs
from trivium.generate.steps.shaping import Shaping
from trivium.generate.steps.slots import Slots, power
from trivium.generate.steps.weights import Weights
from trivium.model.device import has_triton

Top = list[list[tuple[int, float]]]
REACH = 256
"""The shortest reach of a graph, in tokens of context."""


@dataclass
class Answer:
    """What a step draws, as soon as it has been computed."""

    out: Tensor
    """Ids and log-probabilities, `(2, N)`; float64 holds any id."""
    top: Top = field(default_factory=list)
    ready: Any = None
    """A CUDA event."""

    def wait(self) -> tuple[list[int], list[float], Top]:
        """Ids, log-probabilities and likeliest alternatives, by slot."""
        if self.ready is not None:
            self.ready.synchronize()
        ids, logprobs = self.out.tolist()
        return list(map(int, ids)), logprobs, self.top


class Runner:
    """Runs steps over the slots and the state that go with them."""

    def __init__(self, weights: Weights, slots: Slots, state: State) -> None:
        self.weights, self.slots, self.state = weights, slots, state
        self.ahead = weights.device.type == "cuda"
        """Whether a step is computed while the host goes on: its answer is asked for one step later."""
        self.graphs = Graphs() if self.ahead else None

    def bucket(self, count: int) -> int:
        """How many slots are computed so that these many are."""
        return power(count) if self.ahead else count

    def run(self, rows: int, seen: int, alike: bool, kind: str) -> Answer:
        """Begin a step: logits, a token for each of the first `rows` slots, the state moved on."""
        if not self._graphed:
            logits_NV = scores(self.weights, self.slots, self.state, rows, seen, alike)
            return self._sent(_packed(*step(logits_NV, self.state, kind)))
        reach = self._reach(seen)
        return self._sent(self._replayed(rows, reach, kind))

    def shaped(self, rows: int, seen: int, shaping: Shaping) -> Answer:
        """The same for rows of which some have wishes."""
        if self._graphed:
            logits_NV = self._replayed(rows, self._reach(seen), LOGITS)
        else:
            logits_NV = scores(self.weights, self.slots, self.state, rows, seen)
        temperatures_N = self.state.temperatures[:rows]
        ids_N, logprobs_N = step(logits_NV, self.state, SAMPLED, shaping.shape(logits_NV))
        shaping.note(ids_N)
        divisors_N = torch.where(temperatures_N > 0, temperatures_N, 1.0)
        top = best(torch.log_softmax(logits_NV / divisors_N[:, None], -1), shaping.top) if shaping.top else []
        return Answer(_packed(ids_N, logprobs_N), top)

    @property
    def _graphed(self) -> bool:
        """Hooks are called from Python: while some stand in the model, no graph runs."""
        return self.graphs is not None and has_triton() and not self.weights.model._forward_pre_hooks

    def _reach(self, seen: int) -> int:
        return min(max(REACH, power(seen)), self.slots.tokens)

    def _replayed(self, rows: int, reach: int, kind: str) -> Tensor:
        from trivium.generate.steps.fused import scores as fused_scores

        assert self.graphs is not None
        state = self.state

        def whole() -> Tensor:
            logits_NV = fused_scores(self.weights, self.slots, state, rows, reach)
            return logits_NV if kind == LOGITS else _packed(*step(logits_NV, state, kind))

        kept = [state.ids, state.positions, state.index]
        return self.graphs.replay((rows, reach, kind), self.slots.keys.data_ptr(), kept, whole)

    def _sent(self, out: Tensor) -> Answer:
        if out.device.type != "cuda":
            return Answer(out)
        assert self.graphs is not None
        host, event = self.graphs.send(out)
        return Answer(host, ready=event)


def _packed(ids_N: Tensor, logprobs_N: Tensor) -> Tensor:
    """Both in one tensor, `(2, N)`: one copy to the host."""
    return torch.stack([ids_N.double(), logprobs_N.double()])
