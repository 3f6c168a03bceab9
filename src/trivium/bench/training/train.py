"""`trivium bench train --peer NANOCHAT --text FILE…`: our pre-training beside nanochat's, same text, same machine.

Both sides train models with as many parameters that multiply (blocks' matrices and unembedding) and as large a
vocabulary, on as many tokens in a step, with rows of one length. Each side is started as its user would start it.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from trivium.bench.page import machine, table, write_section
from trivium.bench.training.data import for_peer, prepare
from trivium.bench.training.nanochat import DATA, Nanochat, Trained
from trivium.ground.config import to_json
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.stages.pretrain.config import PretrainConfig, ShapeConfig
from trivium.stages.pretrain.depth import multiplying, shape_of

DOCS = Path("docs/benchmarks.md")
PEAK = 989e12
"""Dense bf16 operations a second of an H100, as its data sheet says and as nanochat counts."""


def main(
    peer: Path | None = None,
    text: Sequence[str] = (),
    depths: Sequence[int] = (12, 20),
    steps: int = 15,
    batch: int = 2**19,
    rows: int = 32,
    vocabulary: int = 32768,
    out: Path = Path("runs/bench-train"),
    device: str = "auto",
    docs: Path = DOCS,
) -> int:
    """Measure both sides at each depth, print, and write the section `train` of the benchmarks. Returns the exit code.

    Raises UsageError without the peer or a text.
    """
    if peer is None or not text:
        raise UsageError("Two things are needed: a copy of nanochat and a text.", "--peer FOLDER --text FILE…")
    out.mkdir(parents=True, exist_ok=True)
    made = prepare(text, out, vocabulary, How())
    nanochat = Nanochat(peer.resolve(), out.resolve() / "nanochat")
    for_peer(made["selected"], out / "nanochat" / DATA)
    nanochat.tokenizer(vocabulary)
    lines, table_rows = [], []
    for depth in depths:
        shape, length = shape_of(depth), 2048
        print(f"depth {depth}: trivium", flush=True)
        ours = run_ours(out, PretrainConfig(depth=depth, shape=shape, rows=batch // length, steps=steps), device)
        print(f"depth {depth}: {ours.speed:,.0f} tokens/s, {ours.first_step:.1f} s; nanochat", flush=True)
        theirs = nanochat.train(
            [
                f"--depth={depth}", f"--num-iterations={steps}", f"--total-batch-size={batch}",
                f"--device-batch-size={rows}",
            ]
        )  # fmt: skip
        many = multiplying(shape, vocabulary)
        per_token = flops(shape, vocabulary, length)
        table_rows.append(row("trivium", ours, theirs, per_token, many, depth))
        table_rows.append(row("nanochat", theirs, theirs, per_token, many, depth))
        print(*table_rows[-2:], sep="\n", flush=True)
        lines = [
            f"`trivium bench train`, {date.today().isoformat()}, {ours.about['device']}, torch {ours.about['torch']},",
            f"Python {platform.python_version()}; {machine()}. {steps} steps of {batch:,} tokens a side, rows of",
            f"{length}, vocabulary {vocabulary:,}; medians of the steps after the first three. A matrix product of",
            f"8192 x 8192 x 8192 runs at {ours.about['gemm'] / 1e12:,.0f} TFLOP/s there.",
            "",
        ]
    head = ["side", "depth", "multiplying", "tokens/s", "ratio", "MFU", "MFU, causal", "to first step, s"]
    text_out = "\n".join([*lines, *table(head, table_rows)])
    write_section(docs, "train", text_out)
    print(text_out)
    return 0


@dataclasses.dataclass
class Ours(Trained):
    """Our run, and what the child said of its machine."""

    about: dict[str, Any] = dataclasses.field(default_factory=dict)


def run_ours(out: Path, config: PretrainConfig, device: str) -> Ours:
    """Pre-train in a child, as the command would; what its metrics say."""
    folder = out / "model"
    metrics = out / "model.work" / "metrics.jsonl"
    for old in (folder, metrics.parent):
        shutil.rmtree(old, ignore_errors=True)
    given = json.dumps({"out": str(out), "config": to_json(config), "device": device})
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


def row(name: str, run: Trained, peer: Trained, per_token: tuple[float, float], many: int, depth: int) -> list[str]:
    """The row of one side at one depth."""
    whole, causal = (100 * run.speed * each / PEAK for each in per_token)
    return [
        name, str(depth), f"{many / 1e6:.1f} M", f"{run.speed:,.0f}", f"{run.speed / peer.speed:.2f}x",
        f"{whole:.1f} %", f"{causal:.1f} %", f"{run.first_step:.1f}",
    ]  # fmt: skip
