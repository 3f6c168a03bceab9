"""Every rank holds the whole model and learns from its rows of a batch; gradients are added on the way (DDP).

A matrix's gradient is sent as soon as it is there, while the backward pass goes on below it, straight from where it
lies: matrices are large enough that one by one is as fast as in buckets, and nothing is copied. Sums are in fp32: they
hide behind the backward pass, and a sum in bf16 would lose what small gradients say. Gradients are sent in one fixed
order, so that ranks agree on it whatever order they come in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from trivium.model.spread import Spread
from trivium.train.batch import Batch
from trivium.train.crew import Alone, agree, share
from trivium.train.distributed import Group


class Replicas(Alone):
    """Ranks with a whole model each."""

    def __init__(self, module: nn.Module, group: Group) -> None:
        self.group = group
        self.spread = SplitStacks(group)
        self._matrices = [p for p in reversed(list(module.parameters())) if p.requires_grad and p.ndim > 1]
        self._small = [p for p in module.parameters() if p.requires_grad and p.ndim <= 1]
        self._armed, self._next, self._there = False, 0, set[int]()
        self._sent: list[Any] = []
        with torch.no_grad():
            for value in [*module.parameters(), *module.buffers()]:
                dist.broadcast(value, 0)
        for parameter in self._matrices:
            parameter.register_post_accumulate_grad_hook(self._ready)

    def share(self, batch: Batch) -> Batch:
        """As many rows for each rank, the last ones filled up with rows that teach nothing."""
        return share(batch, self.group)

    def before(self, last: bool) -> None:
        """Gradients are sent in the last backward pass, when they hold all microbatches."""
        self._armed = last
        self._next = 0
        self._there.clear()

    def _ready(self, parameter: Tensor) -> None:
        if not self._armed:
            return
        self._there.add(id(parameter))
        while self._next < len(self._matrices) and id(self._matrices[self._next]) in self._there:
            self._send(self._matrices[self._next])
            self._next += 1

    def _send(self, parameter: Tensor) -> None:
        if parameter.grad is not None:
            self._sent.append(dist.all_reduce(parameter.grad, async_op=True))

    def after(self) -> None:
        """Send what is left, vectors together, and let the device (not the host) wait for all of it."""
        for parameter in self._matrices[self._next :]:
            self._send(parameter)
        small = [p.grad for p in self._small if p.grad is not None]
        if small:
            together = self.group.sum(torch.cat([x.flatten() for x in small]))
            parts = [part.view_as(x) for part, x in zip(together.split([x.numel() for x in small]), small, strict=True)]
            torch._foreach_copy_(small, parts)
        for work in self._sent:
            work.wait()
        self._sent.clear()
        self._armed = False

    def largest(self, values: Tensor) -> None:
        """One collective; on a GPU nothing is waited for."""
        dist.all_reduce(values, dist.ReduceOp.MAX)

    def agree(self, loss: Tensor, norm: Tensor, signals: Sequence[float]) -> list[float]:
        """Losses and signals add up; the norm is everybody's, and rank 0's word for it counts."""
        return agree(self.group, [loss, norm if self.group.first else torch.zeros_like(norm)], signals)


_gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor  # its name before torch 2.13


class SplitStacks(Spread):
    """Each rank makes its share of a stack's matrices orthogonal; then they hand each other what they made."""

    def __init__(self, group: Group) -> None:
        self.group = group

    def out(self, stack_NRC: Tensor, rows: int) -> Tensor:
        """The matrices of the stack that are this rank's, with empty ones where ranks do not divide it."""
        count = len(stack_NRC)
        each = -(-count // self.group.size)
        mine = stack_NRC[self.group.rank * each : (self.group.rank + 1) * each]
        missing = each - len(mine)
        return torch.cat([mine, mine.new_zeros(missing, *mine.shape[1:])]) if missing else mine

    def back(self, made_NRC: Tensor, count: int) -> Tensor:
        """The whole stack, from every rank's share."""
        whole = made_NRC.new_empty(len(made_NRC) * self.group.size, *made_NRC.shape[1:])
        _gather(whole, made_NRC.contiguous())
        return whole[:count]
