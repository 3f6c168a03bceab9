"""Every rank holds a share of each tensor's rows, of its gradient and of its optimizer state (FSDP2).

Weights are fp32 shares; a block's whole weights are gathered in the compute dtype before it runs and forgotten after
it. Gradients are summed in fp32 into shares after every microbatch, so that none is ever whole on a rank; embedding and
unembedding stay gathered between the microbatches of a step. (ZeRO-3, 1910.02054, as `torch.distributed.fsdp` does it.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard

from trivium.ground.errors import UsageError
from trivium.model.device import pick_dtype
from trivium.model.spread import Spread
from trivium.model.transformer import Transformer
from trivium.train.batch import Batch
from trivium.train.crew import Alone, agree, share
from trivium.train.distributed import Group


class Shards(Alone):
    """Ranks with a share of the model each. Cuts `module` up in place; its parameters are DTensors from then on."""

    shared = True

    def __init__(self, module: nn.Module, group: Group) -> None:
        if not isinstance(module, Transformer):
            raise UsageError("Only a language model is cut into shards.", "Leave --shard away.")
        self.group, self.module = group, module
        self.spread = Transposed(group)
        mesh = init_device_mesh(group.device.type, (group.size,))
        narrow = None if module.compute_dtype == torch.float32 else module.compute_dtype
        policy = MixedPrecisionPolicy(param_dtype=narrow, reduce_dtype=torch.float32, cast_forward_inputs=False)
        with torch.no_grad():
            for value in module.parameters():  # they may be in host memory: a GPU need never hold all of them
                there = value.to(group.device)
                dist.broadcast(there, 0)
                value.copy_(there)
        for part in (*module.layers, module):
            fully_shard(part, mesh=mesh, mp_policy=policy)
            part.set_gradient_divide_factor(1.0)  # the loss's weights are divided already: a sum, no mean
            part.set_force_sum_reduction_for_comms(True)

    def share(self, batch: Batch) -> Batch:
        """As many rows for each rank, the last ones filled up with rows that teach nothing."""
        return share(batch, self.group)

    def before(self, last: bool) -> None:
        """Between microbatches what does not belong to a block stays gathered."""
        root: Any = self.module
        root.set_is_last_backward(last)
        root.set_reshard_after_backward(last, recurse=False)

    def agree(self, loss: Tensor, norm: Tensor, signals: Sequence[float]) -> list[float]:
        """Losses, the shares' squared norms and signals add up."""
        loss_sum, square, *found = agree(self.group, [loss, norm.square()], signals)
        return [loss_sum, square**0.5, *found]


def whole(module: Transformer, group: Group) -> Transformer | None:
    """A plain model with the weights of a sharded one, on rank 0's device; None on the others. Tensor by tensor."""
    plain = None
    if group.first:
        plain = Transformer(module.config, module.compute_dtype).to(group.device)
    for part in module.modules():
        if isinstance(part, FSDPModule):
            part.reshard()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            shared: Any = parameter
            full = shared.full_tensor()
            if plain is not None:
                plain.get_parameter(name).copy_(full)
    return None if plain is None else plain.eval()


def rows_of(count: int, rank: int, size: int) -> tuple[int, int]:
    """Which of a tensor's `count` rows a rank holds: start and stop."""
    each = -(-count // size)
    return min(rank * each, count), min((rank + 1) * each, count)


class Transposed(Spread):
    """From rows of all matrices to all rows of some, and back: each rank makes its share of a stack orthogonal."""

    def __init__(self, group: Group) -> None:
        self.group = group

    def out(self, stack_NRC: Tensor, rows: int) -> Tensor:
        """The whole matrices that are this rank's task; empty ones where ranks do not divide the stack."""
        stack_NRC = stack_NRC.to(pick_dtype(stack_NRC.device))  # what they are made orthogonal in: nothing is lost
        count, here, columns = stack_NRC.shape
        each = -(-count // self.group.size)
        missing = each * self.group.size - count
        filled = torch.cat([stack_NRC, stack_NRC.new_zeros(missing, here, columns)]) if missing else stack_NRC
        sizes = [each * (stop - start) * columns for start, stop in self._bounds(rows)]
        got = stack_NRC.new_empty(sum(sizes))
        dist.all_to_all_single(got, filled.reshape(-1), sizes, [each * here * columns] * self.group.size)
        return torch.cat([part.view(each, -1, columns) for part in got.split(sizes) if len(part)], dim=1)

    def back(self, made_NRC: Tensor, count: int) -> Tensor:
        """The rows of the whole stack that are this rank's."""
        each, rows, columns = made_NRC.shape
        bounds = self._bounds(rows)
        start, stop = bounds[self.group.rank]
        sent = torch.cat([made_NRC[:, a:b].reshape(-1) for a, b in bounds])
        sizes = [each * (b - a) * columns for a, b in bounds]
        got = made_NRC.new_empty(self.group.size * each * (stop - start) * columns)
        dist.all_to_all_single(got, sent, [each * (stop - start) * columns] * self.group.size, sizes)
        return got.view(self.group.size * each, stop - start, columns)[:count]

    def _bounds(self, rows: int) -> list[tuple[int, int]]:
        return [rows_of(rows, rank, self.group.size) for rank in range(self.group.size)]


def rows_held(parameter: Any) -> tuple[int, int, int]:
    """Start and stop of the rows of a DTensor that this rank holds, and how many there are."""
    count, mesh = parameter.shape[0], parameter.device_mesh
    start, stop = rows_of(count, mesh.get_local_rank(), mesh.size())
    return start, stop, count
