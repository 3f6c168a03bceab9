"""`trivium bench audit`: how long an audit takes, from files of questions to the sealed folder.

5,000 questions, each asked greedily over four draws of shots and sampled 16 times, of a model of our depth-12 shape
that was taught to answer briefly (`pupil`). Counted is all that `trivium audit` does after its imports: the bank, the
model's loading, asking, matching, entropies, bootstraps, conversations and the page. Once as a base model is asked,
once as a chat model is, which is also just asked (five replies a question).
"""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch

from trivium.bench.knowledge.pupil import make, quiz, write_quiz
from trivium.bench.page import machine, table, write_section
from trivium.evals.knowledge.asking import Asking, Said, Wish
from trivium.evals.knowledge.speaking import Spoken
from trivium.ground.atomic import write_json
from trivium.ground.how import How
from trivium.model.device import settle
from trivium.stages.audit.asked import OpenAuditConfig
from trivium.stages.audit.bank import Sources, gather
from trivium.stages.audit.sitting import Audited, sit
from trivium.stages.audit.speaker import speaker_of

DOCS = Path("docs/benchmarks.md")


@dataclass(frozen=True)
class Taken:
    """What an audit took, in seconds, and what it asked."""

    mode: str
    probes: int
    answers: int
    tokens: int
    gathering: float
    loading: float
    asking: float
    rest: float
    """Matching, figures, conversations, page."""
    right: float
    """Share of the answerable questions that were answered rightly: half of them were taught."""

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.gathering + self.loading + self.asking + self.rest


class Timed:
    """A speaker with a watch."""

    def __init__(self, speaker: Spoken) -> None:
        self.speaker, self.chat = speaker, speaker.chat
        self.seconds, self.answers, self.tokens = 0.0, 0, 0

    def say(self, wishes: Sequence[Wish], told: Callable[[str, Said], None]) -> None:
        """Answer all wishes."""

        def counted(key: str, said: Said) -> None:
            self.answers += 1
            self.tokens += said.tokens
            told(key, said)

        begun = time.perf_counter()
        self.speaker.say(wishes, counted)
        self.seconds += time.perf_counter() - begun


def main(
    probes: int = 5000, samples: int = 16, depth: int = 12, vocabulary: int = 32768, steps: int = 300,
    modes: Sequence[str] = ("base", "chat"), device: str = "auto", threads: int = 0,
    out: Path = Path("runs/bench/audit"), docs: Path | None = DOCS,
) -> int:  # fmt: skip
    """Teach the pupil, audit it in each mode, print, and write a section of the benchmarks. Returns the exit code."""
    how = How(device=device, threads=threads, progress=False)
    out.mkdir(parents=True, exist_ok=True)
    asked = quiz(probes + Asking().draws * Asking().shots, 0)  # some are kept back as shots
    file, folder = write_quiz(out / "quiz.jsonl", asked), out / "pupil"
    begun = time.perf_counter()
    parameters, tokens = make(folder, asked, depth, vocabulary, steps, how)
    taught = time.perf_counter() - begun
    found = []
    for mode in modes:
        found.append(once(folder, file, mode, samples, out / f"audit-{mode}", how))
        write_json(out / "speed.json", [asdict(one) | {"seconds": one.seconds} for one in found])
    place = settle(how)
    where = torch.cuda.get_device_name(place) if place.type == "cuda" else machine()
    about = (
        f"{date.today().isoformat()}, {where}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}, torch "
        f"{torch.__version__}, Python {platform.python_version()}. Depth {depth}: {parameters / 1e6:.1f} M parameters, "
        f"{tokens:,} tokens; taught {steps} steps on half of the quiz ({taught:.0f} s, not counted). "
        f"{samples} samples and 4 greedy answers a question; a chat model also has 5 plain replies."
    )
    text = "\n".join(["## The audit's speed", "", about, "", *table(HEAD, [row(one) for one in found]), "",
                      "`trivium bench audit`"])  # fmt: skip
    print(text)
    if docs is not None and docs.parent.is_dir():
        write_section(docs, "audit", text)
    return 0


HEAD = ["asked as", "questions", "answers", "tokens an answer", "seconds in all", "bank", "loading", "asking",
        "the rest", "answers/s while asking", "right"]  # fmt: skip


def row(one: Taken) -> list[str]:
    """A row of the table."""
    return [
        one.mode, f"{one.probes:,}", f"{one.answers:,}", f"{one.tokens / max(one.answers, 1):.1f}",
        f"**{one.seconds:.1f}**", f"{one.gathering:.1f}", f"{one.loading:.1f}", f"{one.asking:.1f}", f"{one.rest:.1f}",
        f"{one.answers / max(one.asking, 1e-9):,.0f}", f"{100 * one.right:.0f} %",
    ]  # fmt: skip


def once(folder: Path, file: Path, mode: str, samples: int, out: Path, how: How) -> Taken:
    """One audit, timed."""
    for path in (out, out.with_name(out.name + ".work")):
        shutil.rmtree(path, ignore_errors=True)
    config = OpenAuditConfig(mode=mode, asking=Asking(samples=samples), unanswerable=0)
    clock = [time.perf_counter()]
    bank = gather(config, Sources(files=(file,)), how)
    clock.append(time.perf_counter())
    speaker = Timed(speaker_of(folder, mode, how))
    clock.append(time.perf_counter())
    audit = sit(config, Audited("pupil", mode), speaker, bank, out, how)
    clock.append(time.perf_counter())
    summary: dict[str, Any] = audit.json("summary.json")
    return Taken(
        mode, len(bank.asked), speaker.answers, speaker.tokens, clock[1] - clock[0], clock[2] - clock[1],
        speaker.seconds, clock[3] - clock[2] - speaker.seconds, summary["columns"]["all"]["accuracy"]["value"],
    )  # fmt: skip
