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
    progress: bool = True
    """Draw progress bars (a terminal) or lines now and then (a log)."""
    checkpoint_seconds: float = 60.0
    """Save resumable state about this often."""
    executor: str = "local"
    """Who reads the corpus's sources: processes of this machine (local), ray, or an array of batch jobs (slurm)."""
    stop: StopFlag = field(default_factory=StopFlag, compare=False)
