"""`trivium bench train --peer NANOCHAT --text FILE…`: our pre-training beside nanochat's, same text, same machine.

Both sides train models with as many parameters that multiply (blocks' matrices and unembedding) and as large a
vocabulary, on as many tokens in a step, with rows of one length. Each side is started as its user would start it. On a
CPU the models are of nano's shape, and nanochat computes in fp32, as it does by itself.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from trivium.bench.page import machine, table, write_section
from trivium.bench.training.data import for_peer, prepare
from trivium.bench.training.nanochat import DATA, SKIPPED, Nanochat, Trained
from trivium.bench.training.ours import PEAK, Ours, flops, run_ours
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.model.device import pick_device
from trivium.model.float8 import LEARNING
from trivium.stages.pretrain.config import PretrainConfig, ShapeConfig
from trivium.stages.pretrain.depth import PLAIN_ROW, ROW, multiplying, shape_of

DOCS = Path("docs/benchmarks.md")
NANO_VOCABULARY, NANO_BATCH = 4096, 4096


@dataclass(frozen=True)
class Match:
    """Two models that are set beside each other."""

    name: str
    depth: int
    """From which our rates and schedule follow; 0: nano's."""
    shape: ShapeConfig
    length: int
    """Tokens in a row."""
    peer: tuple[str, ...]
    """What makes nanochat's model as large."""


def main(
    peer: Path | None = None,
    text: Sequence[str] = (),
    depths: Sequence[int] = (12, 20),
    steps: int = 0,
    batch: int = 2**19,
    rows: int = 32,
    vocabulary: int = 32768,
    fp8: bool = False,
    out: Path = Path("runs/bench/train"),
    device: str = "auto",
    docs: Path = DOCS,
) -> int:
    """Measure both sides of each match, print, and write a section of the benchmarks. Returns the exit code.

    `steps` 0 means 15, and with `fp8` eight after those in which ours learns its scales.

    Raises UsageError without the peer or a text, and for `fp8` on a CPU.
    """
    if peer is None or not text:
        raise UsageError("Two things are needed: a copy of nanochat and a text.", "--peer FOLDER --text FILE…")
    on_cpu = pick_device(How(device=device)).type == "cpu"
    if fp8 and on_cpu:
        raise UsageError("On a CPU eight bits are emulated: there is no speed to compare.", "Leave --fp8 away.")
    out.mkdir(parents=True, exist_ok=True)
    skipped = LEARNING if fp8 else SKIPPED
    steps = steps or (LEARNING + 8 if fp8 else 15)
    if on_cpu:
        vocabulary, batch, matches, rows = NANO_VOCABULARY, NANO_BATCH, [nano()], 16
    else:
        matches = [by_depth(depth) for depth in depths]
    made = prepare(text, out, vocabulary, How())
    nanochat = Nanochat(peer.resolve(), out.resolve() / "nanochat")
    for_peer(made["selected"], out / "nanochat" / DATA)
    nanochat.tokenizer(vocabulary)
    found: list[list[str]] = []
    ours = Ours()
    for match in matches:
        config = PretrainConfig(
            depth=match.depth, shape=match.shape, row_tokens=match.length, rows=batch // match.length, steps=steps,
            fp8=fp8,
        )  # fmt: skip
        ours = run_ours(out, config, device)
        ours.skipped = skipped
        print(f"{match.name}: {ours.speed:,.0f} tokens/s, first step after {ours.first_step:.1f} s", flush=True)
        sizes = [f"--num-iterations={steps}", f"--total-batch-size={batch}", f"--device-batch-size={rows}"]
        kind = [*(["--device-type=cpu"] if on_cpu else []), *(["--fp8"] if fp8 else [])]
        theirs = nanochat.train([*match.peer, f"--max-seq-len={match.length}", *sizes, *kind])
        theirs.skipped = skipped
        print(f"nanochat: {theirs.speed:,.0f} tokens/s, first step after {theirs.first_step:.1f} s", flush=True)
        sides: list[tuple[str, Trained]] = [("trivium", ours), ("nanochat", theirs)]
        if on_cpu:  # nanochat compiles, which we do not ask of a machine, but can
            sides.insert(1, ("trivium, --blocks compiled", run_ours(out, config, device, blocks="compiled")))
        found += [row(*side, theirs, match, vocabulary, ours) for side in sides]
    said = "\n".join([*about(ours, steps, batch, vocabulary, fp8), "", *table(head(on_cpu), found)])
    write_section(docs, ("train-cpu" if on_cpu else "train") + ("-fp8" if fp8 else ""), said)
    print(said)
    return 0


def by_depth(depth: int) -> Match:
    """Nanochat's model of a depth, and ours with as many blocks and as many parameters that multiply."""
    return Match(f"depth {depth}", depth, shape_of(depth), ROW, (f"--depth={depth}",))


def nano() -> Match:
    """Nano's shape, and nanochat's model of the same width and number of blocks."""
    shape = ShapeConfig()
    aspect = (shape.width - 4) // shape.layers
    peer = (f"--depth={shape.layers}", f"--aspect-ratio={aspect}", f"--head-dim={shape.head_width}")
    return Match("nano", 0, shape, PLAIN_ROW, peer)


def about(ours: Ours, steps: int, batch: int, vocabulary: int, fp8: bool = False) -> list[str]:
    """The lines above the table."""
    lines = [
        f"`trivium bench train`, {date.today().isoformat()}, {ours.about['device']}, torch {ours.about['torch']},",
        f"Python {platform.python_version()}; {machine()}. {steps} steps of {batch:,} tokens a side,",
        f"vocabulary {vocabulary:,}; medians of the steps after the first {ours.skipped}.",
    ]
    if fp8:
        lines.append("Both sides multiply in 8-bit floating point (`--fp8`); operations are counted as those of bf16.")
    if ours.about["gemm"]:
        lines.append(f"A matrix product of 8192 x 8192 x 8192 runs at {ours.about['gemm'] / 1e12:,.0f} TFLOP/s there.")
    return lines


def head(on_cpu: bool) -> list[str]:
    """The table's columns; a CPU's have no share of a GPU's peak."""
    plain = ["side", "model", "multiplying", "tokens/s", "ratio", "to first step, s"]
    return plain if on_cpu else [*plain, "MFU", "MFU, causal", "of the measured peak, causal"]


def row(name: str, run: Trained, peer: Trained, match: Match, vocabulary: int, ours: Ours) -> list[str]:
    """The row of one side of a match."""
    many = multiplying(match.shape, vocabulary)
    whole, causal = (run.speed * each for each in flops(match.shape, vocabulary, match.length))
    cells = [
        name, match.name, f"{many / 1e6:.1f} M", f"{run.speed:,.0f}", f"{run.speed / peer.speed:.2f}x",
        f"{run.first_step:.1f}",
    ]  # fmt: skip
    if ours.about["gemm"]:
        cells += [f"{whole / PEAK:.1%}", f"{causal / PEAK:.1%}", f"{causal / ours.about['gemm']:.1%}"]
    return cells
