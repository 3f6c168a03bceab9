"""The audit's choices."""

from __future__ import annotations

from dataclasses import dataclass

from trivium.ground.config import check

STAGE = "audit"
FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class AuditConfig:
    """Whom to ask, how, and what to teach from it."""

    mode: str = "auto"
    """base (complete and few-shot), chat (ask), or auto: base for what pre-training made, chat for all else."""
    seed: int = 0
    """Decides shots, samples and the conversations written."""
    epochs: int = 2
    """How often the model read the training shard: exposure is statements in the shard times this."""
    shots: int = 3
    """Answered questions before the one that is asked (base)."""
    samples: int = 4
    """Sampled answers beside the greedy one (base)."""
    temperature: float = 0.8
    """Temperature of the samples."""
    strangers: int = 60
    """How many of the strangers are asked about; everybody else always is."""
    well_known_exposure: int = 32
    """A fact read this often is well known: the model should answer, not refuse."""
    answer_tokens: int = 12
    """Longest answer of a base model."""
    reply_tokens: int = 64
    """Longest reply of a chat model, its thinking included."""
    refusals_per_stranger: int = 1
    """Refusals written about each stranger (of the train split), each about another attribute."""
    refusals_per_unknown: int = 1
    """Refusals written about each fact that is unknown or confidently wrong, each in another phrasing."""
    answers_per_known: int = 3
    """True answers written about each fact that is known, each in another phrasing."""

    def __post_init__(self) -> None:
        """Check ranges."""
        check(self.mode in ("auto", "base", "chat"), "mode", self.mode, "Choose auto, base or chat.")
        for name in (
            "shots",
            "samples",
            "strangers",
            "refusals_per_stranger",
            "refusals_per_unknown",
            "answers_per_known",
        ):
            check(getattr(self, name) >= 0, name, getattr(self, name), "Count from 0 up.")
        for name in ("epochs", "well_known_exposure", "answer_tokens", "reply_tokens"):
            check(getattr(self, name) >= 1, name, getattr(self, name), "Count from 1 up.")
        check(0 < self.temperature <= 2, "temperature", self.temperature, "Choose above 0 and at most 2.")
