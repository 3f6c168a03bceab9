"""What decides a reward model: how many comparisons, and how long it learns from them."""

from __future__ import annotations

from dataclasses import dataclass, field

from trivium.ground.config import check
from trivium.model.config import OptimizerConfig
from trivium.train.schedule import ScheduleConfig

STAGE = "reward"
FORMAT = 1
FIT_STAGE = "reward-fit"
FIT_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """The comparisons and the training."""

    seed: int = 0
    """Decides samples, which pairs are shown to the judge, and their order."""
    prompts: int = 360
    """Everyday prompts that answers are compared on; there are fewer than 400 different ones."""
    heldout: float = 0.25
    """Share of the prompts, by hash, whose answers are only measured on."""
    samples: int = 4
    """Answers drawn to each prompt that is learned from."""
    best_of: int = 8
    """Answers drawn to each held-out prompt; the reward model then picks the best of them."""
    temperature: float = 1.0
    """Of the answers."""
    max_new: int = 40
    """Longest answer, in tokens."""
    pairs: int = 4
    """Most comparisons about one prompt."""
    margin: float = 0.05
    """Answers whose true scores are this close are a near tie and are not compared."""
    epochs: int = 2
    """Passes over the comparisons."""
    batch: int = 32
    """Comparisons in a step."""
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(muon_lr=0.002, embed_lr=0.001, head_lr=0.005)
    )
    schedule: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(warmup=0.1, decay=0.9, floor=0.0))

    def __post_init__(self) -> None:
        check(self.prompts > 0, "prompts", self.prompts, "Ask something.")
        check(0 < self.heldout < 1, "heldout", self.heldout, "It is a share: above 0, below 1.")
        check(self.samples > 1, "samples", self.samples, "A comparison needs 2 answers or more.")
        check(self.best_of > 1, "best_of", self.best_of, "A choice needs 2 answers or more.")
        check(self.temperature > 0, "temperature", self.temperature, "Equal answers cannot be compared: above 0.")
        check(self.max_new > 0, "max_new", self.max_new, "An answer needs a token.")
        check(self.pairs > 0, "pairs", self.pairs, "Compare once or more.")
        check(self.epochs > 0, "epochs", self.epochs, "Read the comparisons once or more.")
        check(self.batch > 0, "batch", self.batch, "A step needs a comparison.")


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """A reward model from comparisons in files."""

    seed: int = 0
    """Decides the order of the comparisons."""
    heldout: float = 0.1
    """Share of the prompts, by hash, whose comparisons are only measured on; 0 where a test file is given."""
    longest: int = 1024
    """Prompt and answer of more tokens are left out, and counted."""
    row_tokens: int = 1024
    """Tokens in a packed row (more when one pair needs more)."""
    epochs: int = 1
    """Passes over the comparisons."""
    batch: int = 64
    """About how many comparisons a step has."""
    layers: int = 0
    """Keep only so many of the trunk's first blocks: a smaller judge. 0: all."""
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(muon_lr=0.002, embed_lr=0.001, head_lr=0.005)
    )
    schedule: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(warmup=0.1, decay=0.9, floor=0.0))

    def __post_init__(self) -> None:
        check(0 <= self.heldout < 1, "heldout", self.heldout, "It is a share: 0 or more, below 1.")
        check(self.longest > 1, "longest", self.longest, "A conversation has tokens.")
        check(self.row_tokens > 1, "row_tokens", self.row_tokens, "A row has tokens.")
        check(self.epochs > 0, "epochs", self.epochs, "Read the comparisons once or more.")
        check(self.batch > 0, "batch", self.batch, "A step needs a comparison.")
        check(self.layers >= 0, "layers", self.layers, "It is a number of blocks; 0 keeps all.")
