"""The report's choices: what it is called and how much of it is spelled out."""

from __future__ import annotations

from dataclasses import dataclass

from trivium.ground.config import check

STAGE = "report"
FORMAT = 3


@dataclass(frozen=True, kw_only=True)
class ReportConfig:
    """How the page presents itself; what it says comes from the artifacts."""

    title: str = "The education of a language model"
    """The headline."""
    examples: int = 20
    """How many documents of each reason to drop one the funnel's page shows."""
    rollouts: int = 4
    """How many answers to one problem stand side by side."""

    def __post_init__(self) -> None:
        """Check the counts."""
        check(0 <= self.examples <= 20, "examples", self.examples, "The funnel keeps up to 20: choose 0 to 20.")
        check(1 <= self.rollouts <= 8, "rollouts", self.rollouts, "Choose 1 to 8.")
