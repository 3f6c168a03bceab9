"""Running nanochat where the user has it: its tokenizer, its training, and what its log says.

Its `wandb` is imported but not used in such runs: where it is not installed an empty module stands in.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from trivium.ground.errors import UsageError

SOURCE = Path(__file__).parents[3]
DATA = "base_data_climbmix"
"""The folder of its text under its base folder."""
STEP = re.compile(r"step (\d+)/\d+.*?loss: ([\d.]+).*?dt: ([\d.]+)ms.*?tok/sec: ([\d,]+).*?bf16_mfu: ([\d.]+)")
SKIPPED = 3
"""So many by themselves: kernels are still being compiled."""


@dataclass
class Trained:
    """What a training run said of itself."""

    first_step: float = 0.0
    """Seconds from the command to the end of the first step."""
    seconds: list[float] = field(default_factory=list)
    """Of each step."""
    losses: list[float] = field(default_factory=list)
    tokens: int = 0
    """In a step."""
    mfu: list[float] = field(default_factory=list)
    """Per cent, as it counts."""
    skipped: int = SKIPPED
    """First steps whose time is not counted."""

    @property
    def total(self) -> float:
        """Seconds of all steps; those in which kernels were compiled count as the median of the others."""
        counted = self.seconds[self.skipped :] or self.seconds
        return sum(counted) + (len(self.seconds) - len(counted)) * median(counted)

    @property
    def speed(self) -> float:
        """Tokens a second, the median step after the first few."""
        return self.tokens / median(self.seconds[self.skipped :] or self.seconds)


class Nanochat:
    """A copy of nanochat at `path`; its data, tokenizer and checkpoints go to `base`."""

    def __init__(self, path: Path, base: Path) -> None:
        if not (path / "scripts" / "base_train.py").is_file():
            raise UsageError(f"{path} is no copy of nanochat.", "Clone it and name the folder: --peer FOLDER")
        self.path, self.base = path, base
        stand_ins = base / "stand-ins"
        stand_ins.mkdir(parents=True, exist_ok=True)
        if find_spec("wandb") is None:
            (stand_ins / "wandb.py").write_text("")
        paths = [str(path), str(stand_ins), str(SOURCE)]
        self.environment = os.environ | {"NANOCHAT_BASE_DIR": str(base), "PYTHONPATH": os.pathsep.join(paths)}

    def tokenizer(self, vocabulary: int) -> None:
        """Train its tokenizer on the text in its folder, if that has not been done."""
        if not (self.base / "tokenizer" / "token_bytes.pt").is_file():
            self._run(["scripts.tok_train", f"--vocab-size={vocabulary}"])

    def train(self, arguments: Sequence[str]) -> Trained:
        """Run its base training without evaluations, and read its log."""
        quiet = [f"--{name}=-1" for name in ("eval-every", "core-metric-every", "sample-every", "save-every")]
        started = time.monotonic()
        found = Trained()
        command = [sys.executable, "-u", "-m", "scripts.base_train", "--window-pattern=L", *quiet, *arguments]
        with subprocess.Popen(
            command, cwd=self.path, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as child:
            lines: list[str] = []
            for line in child.stdout or ():
                lines.append(line)
                step = STEP.search(line)
                if step is None:
                    continue
                found.first_step = found.first_step or time.monotonic() - started
                milliseconds, speed = float(step[3]), float(step[4].replace(",", ""))
                found.seconds.append(milliseconds / 1e3)
                found.losses.append(float(step[2]))
                found.mfu.append(float(step[5]))
                found.tokens = round(speed * milliseconds / 1e3)
        if child.returncode:
            raise UsageError(f"nanochat ended with code {child.returncode}.", "".join(lines[-12:]))
        return found

    def bits(self, documents: Path, depth: int) -> dict[str, Any]:
        """Its model's bits per byte on documents (Parquet), and the machine, as its child says."""
        said = self._run(["trivium.bench.training.nanochat_bits", str(documents.resolve()), str(depth)])
        answer: dict[str, Any] = json.loads(said.splitlines()[-1])
        return answer

    def _run(self, module: Sequence[str]) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *module], cwd=self.path, env=self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise UsageError(f"nanochat's {module[0]} ended with code {done.returncode}.", done.stderr[-2000:])
        return done.stdout
