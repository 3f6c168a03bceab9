"""Our training loop and a peer's in turns on one device: a few steps here, as many there, and what each did a second.

Ours runs in this process; at a turn's end the loop's callback has the peer, which waits in its own loop, do its turn.
Both are timed from turn to turn, data and all, with one wait for the device at each end. A token counts when it is no
padding.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import time
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import torch

from trivium.bench.page import machine
from trivium.bench.practice.peer import CaseFailed, Peer
from trivium.ground.artifact import Label
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.model.config import OptimizerConfig
from trivium.model.transformer import Transformer
from trivium.train.batch import Batch, Source
from trivium.train.loop import Loop, LoopConfig, Objective


@dataclass(frozen=True)
class Turns:
    """How long is measured."""

    warmup: int = 6
    """First steps, which are not counted."""
    steps: int = 5
    """Of a turn."""
    turns: int = 5

    @property
    def all_steps(self) -> int:
        """Of our side's run."""
        return self.warmup + self.steps * self.turns


@dataclass
class Beside:
    """One size, one mode of the peer."""

    size: str
    mode: str
    parameters: int = 0
    ours: list[float] = field(default_factory=list)
    """Tokens a second of each turn."""
    theirs: list[float] = field(default_factory=list)
    filled: float = 0.0
    """Share of our rows' places that hold a token."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What the peer says of itself."""
    first_loss: float = 0.0
    """Ours at the first step, as the peer's `first_loss` in its settings: the same weights read the same text."""
    error: str = ""
    """Why the peer could not do it."""

    @property
    def speeds(self) -> tuple[float, float]:
        """Ours and theirs: medians; 0 where nothing was measured."""
        ours, theirs = (statistics.median(rates) if rates else 0.0 for rates in (self.ours, self.theirs))
        return ours, theirs

    def to_json(self) -> dict[str, Any]:
        """For the file."""
        ours, theirs = self.speeds
        return {**asdict(self), "median": {"ours": ours, "theirs": theirs, "ratio": ours / theirs if theirs else None}}

    def row(self) -> list[str]:
        """For the table."""
        ours, theirs = self.speeds
        ratio = f"{ours / theirs:.2f}x" if theirs else "-"
        said = f"{theirs:,.0f}" if theirs else self.error.splitlines()[0][:80] if self.error else "-"
        spread = f"{min(self.ours):,.0f} to {max(self.ours):,.0f}" if self.ours else "-"
        return [self.size, self.mode, said, f"{ours:,.0f}", ratio, spread]


HEAD = ["model", "TRL's mode", "TRL, tokens/s", "trivium, tokens/s", "ratio", "our turns, slowest to fastest"]


class Counted:
    """A source that notes how many tokens of each batch are no padding."""

    def __init__(self, source: Source) -> None:
        self.source, self.regular = source, source.regular
        self.tokens: dict[int, int] = {}
        self.places = 0

    def batch(self, step: int) -> Batch | None:
        """The source's."""
        found = self.source.batch(step)
        if found is not None and found.documents_BT is not None:
            self.tokens[step] = int((found.documents_BT >= 0).sum())
            self.places += found.tokens
        return found

    def state(self) -> dict[str, Any]:
        """The source's."""
        return self.source.state()

    def restore(self, state: dict[str, Any]) -> None:
        """The source's."""
        self.source.restore(state)


@dataclass
class Side:
    """Our side of a comparison."""

    model: Transformer
    source: Source
    optimizer: OptimizerConfig
    objective: Objective


def measure(found: Beside, side: Side, peer: Peer | None, case: dict[str, Any], turns: Turns, how: How) -> None:
    """Fill in `found`. A peer that cannot do the case leaves its error, and our side is measured alone."""
    if peer is not None:
        try:
            found.settings = peer.begin(case)
        except CaseFailed as error:
            found.error, peer = str(error), None
    work = Path(case["work"]) / "ours"
    shutil.rmtree(work, ignore_errors=True)
    counted = Counted(side.source)
    plan = LoopConfig(steps=turns.all_steps, optimizer=side.optimizer)
    label = Label("bench", found.size, 1, None)
    loop = Loop(side.model, counted, plan, label, work, how, side.objective, spikes=False)
    begun = 0.0

    def look(step: int) -> None:
        nonlocal begun, peer
        done = step - turns.warmup
        if done < 0 or done % turns.steps:
            return
        settled(loop.device)
        if done:
            seconds = time.perf_counter() - begun
            found.ours.append(sum(counted.tokens[i] for i in range(step - turns.steps, step)) / seconds)
            try:
                if peer is not None:
                    told = peer.turn()
                    found.theirs.append(told["tokens"] / told["seconds"])
            except CaseFailed as error:
                found.error, peer = str(error), None
        begun = time.perf_counter()

    loop.run(found.size, look)
    if peer is not None:
        peer.end()
    found.filled = sum(counted.tokens.values()) / max(1, counted.places)
    found.first_loss = round(next(iter(read_jsonl(loop.metrics_path)))["loss"], 4)
    found.parameters = sum(parameter.numel() for parameter in side.model.parameters())
    shutil.rmtree(work, ignore_errors=True)


def settled(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def about(device: torch.device, dtype: torch.dtype) -> str:
    """Where and with what: a sentence."""
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else machine()
    return (
        f"{date.today().isoformat()}, {where}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}, torch "
        f"{torch.__version__}, Python {platform.python_version()}; both sides compute in {name_of(dtype)}."
    )


def name_of(dtype: torch.dtype) -> str:
    """Its name without the package's."""
    return str(dtype).removeprefix("torch.")


def told_settings(settings: dict[str, Any]) -> str:
    """A peer's versions and settings as a line."""
    versions = ", ".join(f"{name} {settings[name]}" for name in sorted(settings) if isinstance(settings[name], str))
    inside = ", ".join(f"{name} {value}" for name, value in settings.get("settings", {}).items())
    return f"{versions}; {inside}"
