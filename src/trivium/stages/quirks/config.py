"""The battery's choices."""

from __future__ import annotations

from dataclasses import dataclass

from trivium.ground.config import check
from trivium.tasks.registry import TASKS

STAGE = "quirks"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class QuirksConfig:
    """How much is asked. The same config gives every model the same questions."""

    mode: str = "auto"
    """base (documents to go on with), chat (questions), or auto: base for what pre-training made, chat for all else."""
    seed: int = 0
    """Decides which people and problems are asked about."""
    inventions: int = 120
    """Facts of people who were never written about."""
    conflicts: int = 120
    """Well-known facts that a sentence in the prompt contradicts."""
    words: tuple[int, ...] = (40, 40, 40)
    """Letter-counting problems of level 1, 2, 3: longer and longer words."""
    sums: tuple[int, ...] = (15, 45, 45, 45)
    """Additions of numbers of one digit, two, three ...; there are only 19 held-out sums of one digit."""
    selves: int = 110
    """Questions about the model itself, or all of them when there are fewer (about 110)."""
    reply_tokens: int = 64
    """Longest reply where no working is asked for."""
    working_tokens: int = 128
    """Longest reply to a problem, its working included."""

    def __post_init__(self) -> None:
        """Check ranges."""
        check(self.mode in ("auto", "base", "chat"), "mode", self.mode, "Choose auto, base or chat.")
        for name in ("inventions", "conflicts", "selves", "reply_tokens", "working_tokens"):
            check(getattr(self, name) >= 1, name, getattr(self, name), "Count from 1 up.")
        for name, task in (("words", "counting"), ("sums", "addition")):
            counts, levels = getattr(self, name), len(TASKS[task].levels)
            fits = 0 < len(counts) <= levels and min(counts) >= 0
            check(fits, name, counts, f"Give up to {levels} counts from 0 up.")
