"""What one step learns from, and who provides it.

B rows, T tokens in a row. The loss of a step is the weighted sum of its targets' cross-entropies: a mean over taught
tokens for text, an advantage for RL. One form for all stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from trivium.model.attention import Spans, spans_of


@dataclass(frozen=True)
class Batch:
    """Rows of one optimizer step, on the CPU. Weights are already divided by what the loss is a mean over."""

    ids_BT: Tensor
    targets_BT: Tensor
    weights_BT: Tensor
    documents_BT: Tensor | None
    """Number of the document that each token belongs to: attention does not cross them. None: it does."""
    facts: Mapping[str, float] = field(default_factory=dict)
    """Figures of this batch for the metrics (a pass rate, a length)."""
    spans: Spans | None = None
    """The same documents for the kernels of a GPU."""
    seed: int | None = None
    """Of the noise in these rows (as `stages.sft.noise` makes it); None where there is none."""
    more: Mapping[str, Tensor] = field(default_factory=dict)
    """Further numbers of each target by name, `(B, T)`, for an objective that wants them."""

    @property
    def tokens(self) -> int:
        """How many tokens it holds, padding included."""
        return self.ids_BT.numel()

    def rows(self, start: int, stop: int, device: torch.device) -> Batch:
        """Some of its rows, on a device. A copy to a GPU is not waited for."""

        def part(x: Tensor) -> Tensor:
            if device.type == "cuda":
                return x[start:stop].pin_memory().to(device, non_blocking=True)
            return x[start:stop].to(device)

        documents, spans = None, None
        if self.documents_BT is not None:
            documents = part(self.documents_BT)
            if device.type == "cuda":
                found = spans_of(self.documents_BT[start:stop])
                spans = Spans(found.starts.pin_memory().to(device, non_blocking=True), found.longest)
        seed = None if self.seed is None else self.seed + start
        more = {name: part(values_BT) for name, values_BT in self.more.items()}
        rows = (part(self.ids_BT), part(self.targets_BT), part(self.weights_BT))
        return Batch(*rows, documents, spans=spans, seed=seed, more=more)

    def filled(self, rows: int) -> Batch:
        """The batch, with rows that teach nothing added until their number is a multiple of `rows`."""
        missing = -len(self.ids_BT) % rows
        if not missing:
            return self

        def fill(x: Tensor) -> Tensor:
            return torch.cat([x, x.new_zeros(missing, x.shape[1])])

        documents = None if self.documents_BT is None else fill(self.documents_BT)
        more = {name: fill(values_BT) for name, values_BT in self.more.items()}
        full = (fill(self.ids_BT), fill(self.targets_BT), fill(self.weights_BT))
        return Batch(*full, documents, self.facts, seed=self.seed, more=more)


class Source(Protocol):
    """Batches by step number. `batch(n)` is a pure function of `n`, the state and (in RL) the model's weights."""

    regular: bool
    """A batch depends on its number alone, and all rows have one length: it may be made before its turn, and the blocks
    may be compiled for its shape."""

    def batch(self, step: int) -> Batch | None:
        """The batch of a step; None when there is nothing to learn from it (all groups without signal)."""
        ...

    def state(self) -> dict[str, Any]:
        """What must be kept to continue exactly, as JSON values."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        ...
