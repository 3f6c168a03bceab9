"""What decides a policy that learns from comparisons directly."""

from __future__ import annotations

from dataclasses import dataclass, field

from trivium.ground.config import check
from trivium.model.config import OptimizerConfig
from trivium.train.schedule import ScheduleConfig

STAGE = "dpo"
FORMAT = 1
LOSSES = ("sigmoid", "ipo")


@dataclass(frozen=True, kw_only=True)
class DpoConfig:
    """The comparisons and the training."""

    seed: int = 0
    """Decides the order of the comparisons, and the samples that are measured on."""
    loss: str = "sigmoid"
    """sigmoid (DPO, 2305.18290) or ipo (2310.12036, on log-probabilities a token)."""
    beta: float = 0.1
    """How dearly a step away from the reference is bought: higher stays closer."""
    smoothing: float = 0.0
    """Share of the verdicts that are taken to be wrong (label smoothing); of ties it is a half whatever this says."""
    heldout: float = 0.1
    """Share of the prompts, by hash, whose comparisons are only measured on."""
    longest: int = 1024
    """Prompt and answer of more tokens are left out, and counted."""
    row_tokens: int = 1024
    """Tokens in a packed row (more when one pair needs more)."""
    epochs: int = 1
    """Passes over the comparisons."""
    batch: int = 64
    """About how many comparisons a step has."""
    samples: int = 128
    """Answers drawn for the distance from the reference."""
    max_new: int = 64
    """Longest of these answers, in tokens."""
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(muon_lr=0.0005, embed_lr=0.0002, head_lr=0.0001)
    )
    schedule: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(warmup=0.1, decay=0.9, floor=0.0))

    def __post_init__(self) -> None:
        check(self.loss in LOSSES, "loss", self.loss, f"Use one of {', '.join(LOSSES)}.")
        check(self.beta > 0, "beta", self.beta, "It is a price: above 0.")
        check(0 <= self.smoothing < 0.5, "smoothing", self.smoothing, "It is a share: 0 or more, below a half.")
        check(0 < self.heldout < 1, "heldout", self.heldout, "It is a share: above 0, below 1.")
        check(self.longest > 1, "longest", self.longest, "A conversation has tokens.")
        check(self.row_tokens > 1, "row_tokens", self.row_tokens, "A row has tokens.")
        check(self.epochs > 0, "epochs", self.epochs, "Read the comparisons once or more.")
        check(self.batch > 0, "batch", self.batch, "A step needs a comparison.")
        check(self.samples > 1, "samples", self.samples, "A distance needs 2 answers or more.")
        check(self.max_new > 0, "max_new", self.max_new, "An answer needs a token.")
