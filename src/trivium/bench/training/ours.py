"""Our side of the training benches: a pre-training run in a child, as the command would start it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trivium.bench.training.nanochat import Trained
from trivium.ground.config import to_json
from trivium.ground.errors import UsageError
from trivium.stages.pretrain.config import PretrainConfig, ShapeConfig
from trivium.stages.pretrain.depth import multiplying

PEAK = 989e12
"""Dense bf16 operations a second of an H100, as its data sheet says and as nanochat counts."""


@dataclass
class Ours(Trained):
    """Our run, and what the child said of itself and of its machine."""

    about: dict[str, Any] = field(default_factory=dict)


def run_ours(out: Path, config: PretrainConfig, device: str, name: str = "model", blocks: str = "auto") -> Ours:
    """Pre-train on the tokenizer and the shards under `out`; what the metrics say. The model stays at `out/name`."""
    folder = out / name
    metrics = out / f"{name}.work" / "metrics.jsonl"
    for old in (folder, metrics.parent):
        shutil.rmtree(old, ignore_errors=True)
    given = json.dumps({"out": str(out), "name": name, "config": to_json(config), "device": device, "blocks": blocks})
    started = time.monotonic()
    first_step = 0.0
    command = [sys.executable, "-m", "trivium.bench.training.child", given]
    with (
        (out / "child.log").open("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as child,
    ):
        while child.poll() is None and not first_step:
            time.sleep(0.05)
            if metrics.is_file() and metrics.stat().st_size:
                first_step = time.monotonic() - started
        said = child.communicate()[0]
        if child.returncode:
            errors.seek(0)
            raise UsageError(f"Our own training ended with code {child.returncode}.", errors.read()[-2000:])
    answer = json.loads(said.splitlines()[-1])
    return Ours(first_step, answer["seconds"], answer["losses"], answer["tokens"], about=answer)


def flops(shape: ShapeConfig, vocabulary: int, length: int) -> tuple[float, float]:
    """Operations for a token of training: with attention as nanochat counts it (all pairs), and the causal half."""
    matrices = 6.0 * multiplying(shape, vocabulary)
    pairs = 12.0 * shape.layers * shape.heads * shape.head_width * length
    return matrices + pairs, matrices + pairs / 2
