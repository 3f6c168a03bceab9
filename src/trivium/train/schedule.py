"""The learning rate over a run: warm-up, stable, decay (WSD, 2404.06395), as a share of the peak."""

from __future__ import annotations

from dataclasses import dataclass

from trivium.ground.config import check


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """Shares of the run spent rising and falling; in between the rate stays at its peak."""

    warmup: float = 0.02
    decay: float = 0.5
    floor: float = 0.02
    """Share of the peak that is left at the last step."""

    def __post_init__(self) -> None:
        check(0 <= self.warmup <= 1, "schedule.warmup", self.warmup, "It is a share of the run: 0 to 1.")
        check(0 <= self.decay <= 1 - self.warmup, "schedule.decay", self.decay, "Warm-up and decay must fit in 1.")
        check(0 <= self.floor <= 1, "schedule.floor", self.floor, "It is a share of the peak: 0 to 1.")

    def scale(self, step: int, steps: int) -> float:
        """The share of the peak at a step (counted from 0) of `steps`."""
        done = (step + 1) / max(steps, 1)
        rise = min(1.0, done / self.warmup) if self.warmup else 1.0
        left = (1 - step / max(steps, 1)) / self.decay if self.decay else 1.0
        return rise * (self.floor + (1 - self.floor) * min(1.0, left))
