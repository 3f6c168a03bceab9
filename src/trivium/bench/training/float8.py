"""`trivium bench fp8`: does the loss hold with matrix products in eight bits? The same run with and without, by seed.

On a GPU a model of a depth; on a CPU, where eight bits are emulated, nano's shape. Each run is a child process of its
own, one after the other, and is kept: the same command goes on with what is missing. The losses of all steps lie in
`losses.csv`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import mean
from typing import Any

from trivium.bench.page import machine, table, write_section
from trivium.bench.training.data import prepare
from trivium.bench.training.ours import run_ours
from trivium.bench.training.train import NANO_VOCABULARY
from trivium.ground.atomic import read_json, write_atomic, write_json
from trivium.ground.config import to_json
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.model.device import pick_device
from trivium.stages.pretrain.config import PretrainConfig

DOCS = Path("docs/training.md")
KINDS = {"bf16": False, "fp8": True}
LAST = 20
"""Steps at the end whose training losses are averaged: single ones wander."""

Found = Mapping[int, Mapping[str, Mapping[str, Any]]]


def main(
    text: Sequence[str] = (), seeds: Sequence[int] = (0, 1), depth: int = 12, steps: int = 240, rows: int = 32,
    vocabulary: int = 32768, out: Path = Path("runs/bench/fp8"), device: str = "auto", docs: Path | None = DOCS,
) -> int:  # fmt: skip
    """Train what is missing, print, and write the section `fp8`. Returns the exit code.

    Raises UsageError without a text.
    """
    if not text:
        raise UsageError("A text is needed.", "--text FILE…")
    out.mkdir(parents=True, exist_ok=True)
    on_cpu = pick_device(How(device=device)).type == "cpu"
    depth, vocabulary = (0, NANO_VOCABULARY) if on_cpu else (depth, vocabulary)
    prepare(text, out, vocabulary, How())
    found: dict[int, dict[str, Any]] = {}
    for seed in seeds:
        found[seed] = {}
        for name, fp8 in KINDS.items():
            config = PretrainConfig(depth=depth, rows=rows, steps=steps, fp8=fp8, seed=seed, evaluations=1)
            found[seed][name] = one(out, config, device, f"{name}-{seed}")
            print(f"seed {seed}, {name}: {found[seed][name]['bits_per_byte']:.4f} bits per byte", flush=True)
    write_atomic(out / "losses.csv", losses(found).encode())
    said = section(found, depth, steps)
    if docs is not None and docs.is_file():
        write_section(docs, "fp8", said)
    print(said)
    return 0


def one(out: Path, config: PretrainConfig, device: str, name: str) -> dict[str, Any]:
    """A run's figures; read from a file where the same run was made before."""
    kept, asked = out / f"{name}.json", to_json(config)
    if not kept.is_file() or read_json(kept)["config"] != asked:
        ours = run_ours(out, config, device, name)
        found = {"bits_per_byte": ours.about["facts"]["heldout_bits_per_byte"], "losses": ours.losses}
        where = {key: ours.about[key] for key in ("device", "torch")}
        write_json(kept, {**found, "tokens": ours.tokens, **where, "config": asked})
    return dict(read_json(kept))


def losses(found: Found) -> str:
    """All training losses (nats a token) as a table: step, seed, and a column for each kind of products."""
    lines = ["seed,step," + ",".join(KINDS)]
    for seed, each in found.items():
        for step, pair in enumerate(zip(*(each[name]["losses"] for name in KINDS), strict=True), 1):
            lines.append(",".join([str(seed), str(step), *(f"{loss:.5g}" for loss in pair)]))
    return "\n".join(lines) + "\n"


def section(found: Found, depth: int, steps: int) -> str:
    """The section's Markdown."""
    first = next(iter(found.values()))["fp8"]
    size = f"depth {depth}" if depth else "nano's shape"
    emulated = "" if depth else ", where eight bits are emulated"
    rows = []
    for seed, each in found.items():
        bits = [each[name]["bits_per_byte"] for name in KINDS]
        ends = [mean(each[name]["losses"][-LAST:]) for name in KINDS]
        rows.append([str(seed), *(f"{one:.4f}" for one in bits), f"{bits[1] - bits[0]:+.4f}",
                     *(f"{one:.4f}" for one in ends), f"{ends[1] - ends[0]:+.4f}"])  # fmt: skip
    head = ["seed", "held-out bits per byte, bf16", "fp8", "difference", f"loss of the last {LAST} steps, bf16", "fp8",
            "difference"]  # fmt: skip
    about = [
        f"`trivium bench fp8 --seeds {' '.join(map(str, found))} --steps {steps}`, {date.today().isoformat()},",
        f"{first['device']}{emulated}, torch {first['torch']}, {machine()};",
        f"{size}, {steps} steps of {first['tokens']:,} tokens.",
    ]
    return "\n".join([*about, "", *table(head, rows)])
