"""What decides an assistant: which conversations it imitates, and how long."""

from __future__ import annotations

from dataclasses import dataclass, field

from trivium.ground.config import check
from trivium.model.config import OptimizerConfig
from trivium.train.schedule import ScheduleConfig

STAGE = "sft"
FORMAT = 1
REFUSALS = ("audit", "none", "shuffled")


@dataclass(frozen=True, kw_only=True)
class MixConfig:
    """How many conversations of each kind. The personality is in these numbers and in what they hold."""

    identity: int = 240
    """Who the assistant is, who made it."""
    style: int = 900
    """Everyday talk: brief, warm, and then it stops."""
    addition: tuple[int, ...] = (100, 300, 500)
    """Sums of one-digit, two-digit, ... numbers."""
    comparison: int = 100
    """Comparing decimals, of each level."""
    tally: int = 150
    """Counting letters in a word that is spelt out, of each level."""
    counting: int = 150
    """Counting letters in a word, of each level."""
    direct: float = 0.25
    """Share of the problems that are answered at once, with an empty thought."""


@dataclass(frozen=True, kw_only=True)
class SftConfig:
    """The conversations, the controls, and the training."""

    seed: int = 0
    """Decides the conversations and their order."""
    mix: MixConfig = field(default_factory=MixConfig)
    refusals: str = "audit"
    """audit: refuse what the base model does not know; none: no refusals, the same answers; shuffled: who is refused
    and who is answered is dealt out blindly (a control)."""
    epochs: int = 1
    """Passes over the conversations. More make a tiny model learn by heart whom it answered and whom not."""
    rows: int = 4
    """Packed rows in a step."""
    row_tokens: int = 256
    """Tokens in a packed row; a longer conversation is cut."""
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(muon_lr=0.003, embed_lr=0.003, head_lr=0.001)
    )
    schedule: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(warmup=0.05, decay=0.7, floor=0.02))
    heldout: float = 0.05
    """Share of the conversations that is kept to measure the loss on."""

    def __post_init__(self) -> None:
        check(self.refusals in REFUSALS, "refusals", self.refusals, f"Use one of {', '.join(REFUSALS)}.")
        check(self.epochs > 0, "epochs", self.epochs, "Read the conversations once or more.")
        check(0 <= self.heldout < 1, "heldout", self.heldout, "It is a share below 1.")
