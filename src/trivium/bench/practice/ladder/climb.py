"""`trivium bench ladder`: small models that begin with random weights, rung by rung, each a process of its own.

A rung is `trivium rl` on a blank model: SFT on worked traces until some problems are solved, then practice, with its
controls. Rungs run side by side; on one GPU, too. A process that fails or is stopped stops no other, and a run that was
stopped goes on by the same command. What there is on disk is told at any time (`--told`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from trivium.bench.page import machine, write_section
from trivium.bench.practice.ladder.blank import blank, vocabulary
from trivium.bench.practice.ladder.curves import write_curves
from trivium.bench.practice.ladder.rungs import RUNGS, Rung
from trivium.bench.practice.ladder.standing import Row, page, percent, standing, twins
from trivium.ground.atomic import write_json
from trivium.ground.errors import UsageError
from trivium.ground.signals import StopFlag, listening

GRACE = 20.0
"""Seconds that a process has to save itself when its time is over."""
GLANCE = 1.0
MICROBATCH = 32768
"""Tokens in one forward pass: several processes share one GPU's memory, so none tries out what would fit."""


@dataclass
class Job:
    """A rung with a seed."""

    rung: Rung
    seed: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    asked: float = 0.0
    """When it was asked to stop; 0: it was not."""
    log: Any = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Of its folder, and in the table."""
        return f"{self.rung.name}-{self.seed}"

    def begin(self, command: Sequence[str]) -> None:
        """Start its process, whose words go to its log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = open(self.folder / "log.txt", "ab")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
        )  # fmt: skip

    def over(self, seconds: float, stop: bool) -> bool:
        """Whether it has ended. After `seconds` (0: no limit) or at `stop` it is asked to save itself, then made to."""
        assert self.process is not None
        code = self.process.poll()
        if code is not None:
            self.log.close()
            return True
        now = time.monotonic()
        if (stop or (seconds and now - self.started > seconds)) and not self.asked:
            self.asked = now
            self.process.send_signal(signal.SIGTERM)
        elif self.asked and now - self.asked > GRACE:
            self.process.kill()
        return False


def main(
    rungs: Sequence[str] = (),
    seeds: int = 0,
    layers: int = 4,
    width: int = 256,
    settings: Sequence[str] = (),
    device: str = "auto",
    at_once: int = 0,
    seconds: float = 0.0,
    out: Path = Path("runs/bench/ladder"),
    docs: Path | None = None,
    told: bool = False,
) -> int:
    """Climb, print the table, write it to `out`, and to the section `ladder` of `docs`. The exit code: 1 where a
    process failed. Raises UsageError for an unknown rung.
    """
    jobs = planned(rungs, seeds, out)
    failed: list[str] = []
    if not told:
        for job in jobs:
            blank(job.folder / "blank", vocabulary(job.rung.vocabulary), layers, width, job.seed)
        commands = {job.name: command(job, settings, device) for job in jobs}
        failed = climb(jobs, commands, at_once or len(jobs), seconds)
    rows = {job.name: standing(job.folder) for job in jobs if job.folder.is_dir()}
    write_json(out / "ladder.json", {"rows": rows, "failed": failed})
    lines = [f"`trivium bench ladder`, {date.today().isoformat()}, {_device(device)}; one process a row, side by side.",
             f"Models of {layers} blocks of {width}, random weights at first"
             f"{_parameters(rows)}; held-out problems, greedy.", ""]  # fmt: skip
    lines += page(rows, {rung.name: rung.target for rung in RUNGS.values()})
    above = twins(rows, "multiplication-0", "direct-0", out)
    if above is not None:
        lines += ["", f"Multiplication with thinking above the direct twin: {percent(above)} points."]
    text = "\n".join(lines)
    print(text)
    for name in failed:
        print(f"{name} failed; its last words are in {out / name / 'log.txt'}", file=sys.stderr)
    write_curves(list(rows), out, out)
    if docs is not None:
        write_section(docs, "ladder", text)
        write_curves(list(rows), out, docs.parent)
    return 1 if failed else 0


def planned(rungs: Sequence[str], seeds: int, out: Path) -> list[Job]:
    """The jobs: of each rung as many seeds as were asked for, or as it wants. Raises UsageError for an unknown one."""
    for name in rungs:
        if name not in RUNGS:
            raise UsageError(f"There is no rung {name!r}.", f"There are: {', '.join(RUNGS)}.")
    found = []
    for rung in RUNGS.values():
        if not rungs or rung.name in rungs:
            found += [Job(rung, seed, out / f"{rung.name}-{seed}") for seed in range(seeds or rung.seeds)]
    return found


def command(job: Job, settings: Sequence[str], device: str) -> list[str]:
    """What carries a job out."""
    more = [word for one in settings for word in ("--set", one)]
    manner = ["--device", device, "--threads", "1", "--no-progress", "--microbatch", str(MICROBATCH)]
    run = ["--seed", str(job.seed), "--out", str(job.folder / "run"), *manner]
    return [sys.executable, "-m", "trivium", "rl", str(job.folder / "blank"), *job.rung.arguments(), *more, *run]


def climb(jobs: Sequence[Job], commands: Mapping[str, Sequence[str]], at_once: int, seconds: float) -> list[str]:
    """Carry all jobs out, so many at once; the names of those that failed. One that was stopped has not failed."""
    waiting, running, failed = list(jobs), list[Job](), list[str]()
    with listening(StopFlag()) as flag:
        while running or (waiting and not flag.requested):
            while waiting and len(running) < at_once and not flag.requested:
                job = waiting.pop(0)
                job.begin(commands[job.name])
                running.append(job)
            time.sleep(GLANCE)
            for job in [job for job in running if job.over(seconds, flag.requested)]:
                running.remove(job)
                assert job.process is not None
                code = job.process.returncode
                if code and not job.asked:
                    failed.append(job.name)
                took = time.monotonic() - job.started
                print(f"{job.name}: {'stopped' if job.asked else f'ended, code {code}'} after {took:.0f} s", flush=True)
    return failed


def _parameters(rows: Mapping[str, Row]) -> str:
    known = {row["parameters"] for row in rows.values() if "parameters" in row}
    return f", {max(known) / 1e6:.1f} M parameters" if known else ""


def _device(device: str) -> str:
    import torch

    gpu = device in ("auto", "cuda") and torch.cuda.is_available()
    return f"{torch.cuda.get_device_name()}, torch {torch.__version__}" if gpu else machine()
