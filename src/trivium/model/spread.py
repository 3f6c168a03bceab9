"""How processes share the work on a stack of matrices; this one is alone and shares nothing.

Muon's updates need whole matrices for one thing only, making them orthogonal. So what several processes do differently
is said here: `out` gives this process the whole matrices that are its task, `back` takes what it made of them. The
others are in `train` (`replicas.SplitStacks`, `sharding.Transposed`).
"""

from __future__ import annotations

from torch import Tensor, nn


class Spread:
    """One process that has everything."""

    def out(self, stack_NRC: Tensor, rows: int) -> Tensor:
        """From the rows here of N matrices (which have `rows` in all) the whole matrices that are this one's task."""
        return stack_NRC

    def back(self, made_NRC: Tensor, count: int) -> Tensor:
        """From the whole matrices made here the rows of all `count` matrices that belong here."""
        return made_NRC


def local(parameter: nn.Parameter | Tensor) -> Tensor:
    """What this process holds of a tensor: its rows where ranks share it (a DTensor), else all. Under `no_grad`."""
    return parameter.to_local() if hasattr(parameter, "to_local") else parameter.data
