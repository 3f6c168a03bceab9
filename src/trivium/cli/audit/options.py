"""The options of `trivium audit MODEL`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from trivium.stages.audit.asked import OpenAuditConfig

PATHS = Annotated[tuple[Path, ...], Parameter(negative=(), consume_multiple=True)]
WORDS = Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)]
FLAG = Parameter(negative=())


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Questions:
    """What is asked of a model."""

    corpus: PATHS = ()
    """Documents to mine for facts and to count them in: a corpus artifact, a run, files or folders."""
    probes: PATHS = ()
    """JSONL files of questions and answers; also .gz and .zst."""
    datasets: WORDS = ()
    """Of a mixed file, only rows whose `dataset` is one of these."""
    people: Annotated[bool, FLAG] = False
    """Ask about the planted people of the run that the model is from."""
    limit: int = 0
    """At most so many answerable questions of each source; 0 for all."""
    unanswerable: int = 400
    """Questions of each kind that nobody can answer."""
    data_end: int = 2030
    """The last year that the model's data can know."""
    samples: int = 16
    """Sampled answers of a question, spread over the draws of shots."""
    draws: int = 4
    """Draws of shots, each with a greedy answer too."""
    shots: int = 4
    """Answered questions before the one that is asked."""
    plain: int = 4
    """Sampled replies of a chat model that is just asked, beside the greedy one."""
    plain_tokens: int = 64
    """Longest of these replies."""
    temperature: float = 1.0
    """Temperature of the samples."""
    hold_out: WORDS = ()
    """Sources that no refusal conversation asks about."""
    mode: Literal["auto", "base", "chat"] = "auto"
    """How a model is asked: as one that continues texts, or one that talks."""

    def config(self, seed: int, written: int) -> OpenAuditConfig:
        """The same as the stage wants it."""
        from trivium.evals.knowledge.asking import Asking
        from trivium.stages.audit.asked import OpenAuditConfig

        asking = Asking(
            samples=self.samples, draws=self.draws, shots=self.shots, plain=self.plain, plain_tokens=self.plain_tokens,
            temperature=self.temperature, seed=seed,
        )  # fmt: skip
        return OpenAuditConfig(
            mode=self.mode, asking=asking, limit=self.limit, unanswerable=self.unanswerable, data_end=self.data_end,
            held_out=_words(self.hold_out), datasets=_words(self.datasets), written=written, seed=seed,
        )  # fmt: skip


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """Servers that speak OpenAI's API; asked only when a URL is given. A key is read from TRIVIUM_API_KEY."""

    url: str = ""
    """Audit the model behind this URL (up to /v1); MODEL is then what to call it."""
    url_model: str = ""
    """The model's name there; its first by default."""
    parallel: int = 8
    """Requests under way at once."""
    writer_url: str = ""
    """Let a model behind this URL write questions from the documents."""
    writer_model: str = ""
    """That model's name."""
    written: int = 0
    """How many questions it writes."""


def _words(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for text in given for word in text.split(",") if word)
