"""The choices of an audit of any model (`trivium audit MODEL`), beside those of a run's audit in `config.py`."""

from __future__ import annotations

from dataclasses import dataclass, field

from trivium.evals.knowledge.asking import Asking
from trivium.ground.config import check

OPEN_FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class OpenAuditConfig:
    """What is asked, and what is made of it."""

    mode: str = "auto"
    """base (few-shot texts), chat (conversations), or auto: base for what pre-training made and for what has no chat
    template, else chat."""
    asking: Asking = field(default_factory=Asking)
    """How often, and how."""
    limit: int = 0
    """At most so many answerable probes of each source; 0 for all."""
    unanswerable: int = 400
    """Questions that nobody can answer, of each kind (invented names, false premises, after the data's end)."""
    data_end: int = 2030
    """The last year that the model's data can know."""
    held_out: tuple[str, ...] = ()
    """Sources that no refusal conversation asks about."""
    datasets: tuple[str, ...] = ()
    """Of a mixed file of questions, those rows only whose `dataset` is one of these."""
    refusals: int = 4000
    """At most so many refusals are written."""
    answers_per_refusal: float = 1.5
    """Answered questions written for each refusal, where there are enough."""
    written: int = 0
    """Questions that a model behind a URL writes from the documents."""
    seed: int = 0
    """Decides limits, invented names, splits and conversations."""

    def __post_init__(self) -> None:
        check(self.mode in ("auto", "base", "chat"), "mode", self.mode, "Choose auto, base or chat.")
        for name in ("limit", "unanswerable", "refusals", "answers_per_refusal", "written"):
            check(getattr(self, name) >= 0, name, getattr(self, name), "Count from 0 up.")
        check(1000 <= self.data_end <= 9000, "data_end", self.data_end, "It is a year.")
