"""How a run is carried out. Nothing here changes what comes out, so nothing here enters an artifact's id."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from trivium.ground.signals import StopFlag


@dataclass(frozen=True)
class Place:
    """Which of the processes of one run this is, in the words of torchrun."""

    rank: int = 0
    """Counted over all machines; rank 0 writes, prints and seals."""
    ranks: int = 1
    local_rank: int = 0
    """Counted on this machine: the number of the GPU."""
    local_ranks: int = 1

    @classmethod
    def from_environment(cls) -> Place:
        """What torchrun says in RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE; without them, the only process."""
        rank, ranks = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
        local, locals_ = os.environ.get("LOCAL_RANK"), os.environ.get("LOCAL_WORLD_SIZE")
        return cls(rank, ranks, int(local or rank), int(locals_ or ranks))


@dataclass(frozen=True)
class How:
    """Device, threads, and whether to draw bars; handed to every stage beside its config."""

    device: str = "auto"
    """auto, cpu, cuda or mps."""
    threads: int = 0
    """CPU threads for torch; 0 means one for each core this process may use."""
    deterministic: bool = False
    """On a GPU: the same bits each time, by other kernels. A CPU gives the same bits anyway."""
    blocks: str = "auto"
    """How blocks run while training: fused (our GPU kernels), compiled (torch.compile), plain; or auto: fused where
    that runs, else plain."""
    recompute: bool = False
    """Keep less of the forward pass and compute it again for the gradient: a quarter more time, far less memory."""
    microbatch: int = 0
    """Tokens in one forward pass; 0 means what fits (found by a dry step on a GPU)."""
    progress: bool = True
    """Draw progress bars (a terminal) or lines now and then (a log)."""
    checkpoint_seconds: float = 60.0
    """Save resumable state about this often."""
    executor: str = "local"
    """Who reads the corpus's sources: processes of this machine (local), ray, or an array of batch jobs (slurm)."""
    shard: bool = False
    """With several ranks: each holds a share of weights and optimizer (FSDP2) instead of all of them (DDP)."""
    patience: float = 600.0
    """Seconds after which a rank that waits for the others gives up with an error."""
    place: Place = field(default_factory=Place)
    """Which of the run's processes this is."""
    group: Any = field(default=None, compare=False)
    """What ties the run's processes together (`train.distributed.Group`); None where there is one."""
    stop: StopFlag = field(default_factory=StopFlag, compare=False)
