"""What decides the warm start and the practice."""

from __future__ import annotations

from dataclasses import dataclass, field

from trivium.ground.config import check
from trivium.model.config import OptimizerConfig
from trivium.train.schedule import ScheduleConfig

WARM_STAGE = "warm"
WARM_FORMAT = 1
RL_STAGE = "rl"
RL_FORMAT = 1
REWARDS = ("verified", "random")


@dataclass(frozen=True, kw_only=True)
class WarmConfig:
    """A short SFT on worked traces that ends, by rule, while there is still something to learn."""

    seed: int = 0
    """Decides problems and samples."""
    task: str = "addition"
    """A task of `tasks/registry.py`."""
    level: int = 3
    """Difficulty to start at; the rule moves it."""
    highest: int = 6
    """Hardest level that the rule may move to."""
    low: float = 0.25
    """The warm start ends as soon as pass@1 (greedy, thinking) is between this ..."""
    high: float = 0.60
    """... and this."""
    check_every: int = 5
    """Steps between two looks at pass@1."""
    steps: int = 120
    """Most steps; where pass@1 is then too low, the level has been too high: it moves down."""
    patience: int = 40
    """Steps at a level below `low` before it moves down."""
    probes: int = 160
    """Problems of a look."""
    rows: int = 8
    """Packed rows of traces in a step."""
    row_tokens: int = 256
    """Tokens in a packed row."""
    max_new: int = 96
    """Longest answer to a probe, thinking included, in tokens."""
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(muon_lr=0.002, embed_lr=0.001, head_lr=0.0005)
    )
    schedule: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(warmup=0.05, decay=0.0, floor=1.0))

    def __post_init__(self) -> None:
        check(0 <= self.low < self.high <= 1, "low, high", (self.low, self.high), "They are shares, low below high.")
        check(
            1 <= self.level <= self.highest, "level", self.level, f"It starts between 1 and highest ({self.highest})."
        )
        check(self.check_every > 0, "check_every", self.check_every, "Look every step or less often.")


@dataclass(frozen=True, kw_only=True)
class RlConfig:
    """GRPO-style practice: groups of samples, a verifier's reward, advantage against the group's mean."""

    seed: int = 0
    """Decides problems and samples."""
    reward: str = "verified"
    """verified, or random: the control that must stay flat."""
    steps: int = 40
    """Updates, each from its own rollouts."""
    problems: int = 16
    """Problems in a step."""
    samples: int = 16
    """Answers to each problem."""
    temperature: float = 1.0
    """Of the samples that are learned from; exams are greedy."""
    max_new: int = 96
    """Longest answer, thinking included, in tokens; what is cut off counts as wrong."""
    heldout: int = 500
    """Held-out problems for before and after."""
    quick: int = 128
    """Held-out problems for a look along the way."""
    look_every: int = 10
    """Steps between two looks."""
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(muon_lr=0.001, embed_lr=0.0005, head_lr=0.00025, momentum=0.9)
    )
    schedule: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(warmup=0.05, decay=0.3, floor=0.1))

    def __post_init__(self) -> None:
        check(self.reward in REWARDS, "reward", self.reward, f"Use one of {', '.join(REWARDS)}.")
        check(self.samples > 1, "samples", self.samples, "An advantage needs 2 answers or more.")
        check(self.temperature > 0, "temperature", self.temperature, "Equal answers teach nothing: above 0.")
