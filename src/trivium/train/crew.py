"""How a loop's work is divided among ranks: not at all, by rows with whole models (`replicas`), or by shares of the model
too (`sharding`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from trivium.ground.how import How
from trivium.model.spread import Spread
from trivium.train.batch import Batch

if TYPE_CHECKING:
    from trivium.train.distributed import Group


def crew_of(module: nn.Module, how: How) -> Alone:
    """The crew that `how` asks for; with several ranks `module` is prepared for it, in place."""
    if how.group is None:
        return Alone()
    if how.shard:
        from trivium.train.sharding import Shards

        return Shards(module, how.group)
    from trivium.train.replicas import Replicas

    return Replicas(module, how.group)


class Alone:
    """One process: nothing to share, nothing to agree on. The other kinds of crew do what this one leaves out."""

    spread = Spread()
    shared = False
    """Whether ranks hold shares of tensors: then each saves its own."""

    def share(self, batch: Batch) -> Batch:
        """The rows of a batch that are this rank's."""
        return batch

    def before(self, last: bool) -> None:
        """Told before each microbatch's forward pass."""

    def after(self) -> None:
        """Told after the last microbatch's backward pass: gradients are complete when this comes back."""

    def agree(self, loss: Tensor, norm: Tensor, signals: Sequence[float]) -> list[float]:
        """Loss, gradient norm and signals of all ranks, from this rank's: the one wait of a step."""
        return [*torch.stack([loss, norm]).tolist(), *signals]


def share(batch: Batch, group: Group) -> Batch:
    """This rank's rows of a batch. Weights are already divided by what the loss of all rows is a mean over."""
    full = batch.filled(group.size)
    each = len(full.ids_BT) // group.size
    return full.rows(group.rank * each, (group.rank + 1) * each, torch.device("cpu"))


def agree(group: Group, values: Sequence[Tensor], signals: Sequence[float]) -> list[float]:
    """The sums over ranks of a few scalars on the device and a few numbers, by one collective and one wait."""
    numbers = [torch.full_like(values[0], signal) for signal in signals]  # filled there: a copy would be waited for
    return group.numbers(group.sum(torch.stack([*values, *numbers])))
