"""The battery's choices."""

from __future__ import annotations

from dataclasses import dataclass

from trivium.ground.config import check

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
    words_per_level: int = 40
    """Letter-counting problems of each of the levels 1 to 3."""
    sums_per_level: int = 40
    """Additions of each of the levels 1 to 4."""
    selves: int = 120
    """Questions about the model itself (there are 120)."""
    reply_tokens: int = 64
    """Longest reply where no working is asked for."""
    working_tokens: int = 128
    """Longest reply to a problem, its working included."""

    def __post_init__(self) -> None:
        """Check ranges."""
        check(self.mode in ("auto", "base", "chat"), "mode", self.mode, "Choose auto, base or chat.")
        for name in ("inventions", "conflicts", "words_per_level", "sums_per_level", "selves", "reply_tokens",
                     "working_tokens"):
            check(getattr(self, name) >= 1, name, getattr(self, name), "Count from 1 up.")
