"""How a loop's work is divided among ranks: not at all, by rows with whole models (`replicas`), or by shares of the
model too (`sharding`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from trivium.ground.how import How
from trivium.model.spread import Spread
from trivium.model.transformer import Transformer
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


def plain(model: Transformer, how: How) -> Transformer | None:
    """The model as one process evaluates or writes it, on rank 0; None on the others. All ranks must call it."""
    if how.group is not None and how.shard:
        from trivium.train.sharding import whole

        return whole(model, how.group)
    return model if how.place.rank == 0 else None


@contextlib.contextmanager
def turn(how: How) -> Iterator[bool]:
    """`Group.turn` where there is a group; without one it is always this process's turn."""
    if how.group is None:
        yield True
        return
    with how.group.turn() as (mine, _):
        yield mine


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

    def largest(self, values: Tensor) -> None:
        """Take the largest of all ranks' numbers, in place."""

    def agree(self, loss: Tensor, norm: Tensor, signals: Sequence[float]) -> list[float]:
        """Loss, gradient norm and signals of all ranks, from this rank's: the one wait of a step."""
        return [*torch.stack([loss, norm]).tolist(), *signals]


def share(batch: Batch, group: Group) -> Batch:
    """The rows of a batch that are this rank's. Weights are divided already by what the whole loss is a mean over."""
    full = batch.filled(group.size)
    each = len(full.ids_BT) // group.size
    return full.rows(group.rank * each, (group.rank + 1) * each, torch.device("cpu"))


def agree(group: Group, values: Sequence[Tensor], signals: Sequence[float]) -> list[float]:
    """The sums over ranks of a few scalars on the device and a few numbers, by one collective and one wait."""
    numbers = [torch.full_like(values[0], signal) for signal in signals]  # filled there: a copy would be waited for
    return group.numbers(group.sum(torch.stack([*values, *numbers])))
