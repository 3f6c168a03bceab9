"""How a run is carried out. Nothing here changes what comes out, so nothing here enters an artifact's id."""

from __future__ import annotations

from dataclasses import dataclass, field

from trivium.ground.signals import StopFlag


@dataclass(frozen=True)
class How:
    """Device, threads, and whether to draw bars; handed to every stage beside its config."""

    device: str = "auto"
    """auto, cpu, cuda or mps."""
    threads: int = 0
    """CPU threads for torch; 0 means one for each core this process may use."""
    deterministic: bool = False
    """On a GPU: the same bits each time, at some cost in speed. A CPU gives the same bits anyway."""
    blocks: str = "auto"
    """How blocks run while training: fused (our GPU kernels), compiled (torch.compile), plain; or auto: fused where
    that runs, else plain."""
    recompute: bool = False
    """Keep less of the forward pass and compute it again for the gradient: a third more time, far less memory."""
    microbatch: int = 0
    """Tokens in one forward pass; 0 means what fits (found by a dry step on a GPU)."""
    progress: bool = True
    """Draw progress bars (a terminal) or lines now and then (a log)."""
    checkpoint_seconds: float = 60.0
    """Save resumable state about this often."""
    executor: str = "local"
    """Who reads the corpus's sources: processes of this machine (local), ray, or an array of batch jobs (slurm)."""
    stop: StopFlag = field(default_factory=StopFlag, compare=False)
