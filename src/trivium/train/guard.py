"""The guard looks at loss and gradient before the update, and stops a run that has broken.

A non-finite value stops at once; so does a loss above mean + 6 deviations of the last 128 steps, three times in a row
(the spike rule is OLMo-core's, which skips; we stop, since at our size a spike is a bug or a rate too high).
"""

from __future__ import annotations

import math
from typing import Any

from trivium.ground.errors import GuardTripped

WINDOW, SIGMAS, STRIKES = 128, 6.0, 3


class Guard:
    """Remembers the last losses. `spikes` is off where the loss is no likelihood (RL)."""

    def __init__(self, spikes: bool = True) -> None:
        self.spikes = spikes
        self._losses: list[float] = []
        self._strikes = 0

    def look(self, step: int, loss: float, grad_norm: float) -> None:
        """Raise GuardTripped if this step must not be applied."""
        for name, value in (("loss", loss), ("gradient norm", grad_norm)):
            if not math.isfinite(value):
                raise GuardTripped(
                    f"At step {step} the {name} is {value}.",
                    "No update was made from it. Lower the "
                    "learning rate (--optimizer.muon-lr), or look at the rows of that step.",
                )
        if not self.spikes:
            return
        recent = self._losses[-WINDOW:]
        if len(recent) >= WINDOW // 4:
            mean = sum(recent) / len(recent)
            deviation = math.sqrt(sum((x - mean) ** 2 for x in recent) / len(recent))
            self._strikes = self._strikes + 1 if loss > mean + SIGMAS * deviation + 1e-3 else 0
        if self._strikes >= STRIKES:
            raise GuardTripped(
                f"At step {step} the loss is {loss:.3f}, {SIGMAS:.0f} deviations above its past, for "
                f"the {STRIKES}rd time in a row.",
                "Lower the learning rate (--optimizer.muon-lr).",
            )
        if not self._strikes:  # a spike in the memory would raise the bar for the next one
            self._losses = [*recent[1 - WINDOW :], loss]

    def state(self) -> dict[str, Any]:
        """What it remembers, as JSON values."""
        return {"losses": self._losses, "strikes": self._strikes}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        self._losses, self._strikes = list(state["losses"]), int(state["strikes"])
