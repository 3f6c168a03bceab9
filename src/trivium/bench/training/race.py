"""`trivium bench race`: wall time to the other side's quality. Same text, one epoch or less, bits per byte at the end.

nanochat trains as it would by itself; we train in about as many seconds. Both models then read the same held-out
documents under the same protocol (windows of a row that overlap by half, each token counted once). Seconds are those of
training steps, start-up and evaluation apart. Each seed lays the documents out in another order, for both sides, and
lets the other side begin, so that a machine that grows slower harms both. What has been run is kept: the same command
goes on with what is missing.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from trivium.bench.page import machine, table, write_section
from trivium.bench.training.data import for_peer, prepare
from trivium.bench.training.nanochat import DATA, Nanochat, Trained
from trivium.bench.training.ours import run_ours
from trivium.ground.atomic import read_json, write_json
from trivium.ground.config import replace_field
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.stages.pretrain.config import PretrainConfig

DOCS = Path("docs/benchmarks.md")
SIDES = ("trivium", "nanochat")
"""In this order with even seeds, the other way round with odd ones."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much both sides do."""

    depth: int = 12
    peer_steps: int = 600
    """Of nanochat."""
    peer_batch: int = 131_072
    """Tokens in nanochat's step: what its own law (a power of the tokens to read) gives for a race of minutes."""
    rows: int = 32
    """That nanochat passes through its model at once."""
    vocabulary: int = 32768
    pattern: str = "nanochat"
    """Our split regex: with nanochat's own, both sides read about as many tokens for a text."""


def main(
    peer: Path | None = None,
    text: Sequence[str] = (),
    seeds: Sequence[int] = (0, 1),
    size: Sequence[str] = (),
    set: Sequence[str] = (),
    out: Path = Path("runs/bench/race"),
    device: str = "auto",
    docs: Path = DOCS,
) -> int:
    """Race for each seed, keep each side's figures under `out`, and write the section `race`. Returns the exit code.

    `size` are fields of `Sizes`, `set` fields of our PretrainConfig, as name=value. Raises UsageError without a peer.
    """
    if peer is None or not text:
        raise UsageError("Two things are needed: a copy of nanochat and a text.", "--peer FOLDER --text FILE…")
    sizes: Any = changed(Sizes(), size)
    config = changed(PretrainConfig(depth=sizes.depth), set)
    found = []
    for seed in seeds:
        folder = out / f"seed-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        made = prepare(text, folder, sizes.vocabulary, How(), seed, sizes.pattern)
        for_peer(made["selected"], folder / "nanochat" / DATA)
        for side in SIDES if seed % 2 == 0 else SIDES[::-1]:
            kept = folder / f"{side}.json"
            if not kept.is_file():
                if side == "nanochat":
                    write_json(kept, theirs(Nanochat(peer.resolve(), folder.resolve() / side), folder, sizes, device))
                else:
                    write_json(kept, ours(folder, config, seed, device))
            found.append({"side": side, "seed": seed, **read_json(kept)})
            print(json.dumps(found[-1]), flush=True)
    lines = [
        f"`trivium bench race`, {date.today().isoformat()}, {machine()}, Python {platform.python_version()};",
        f"{found[-1]['device']}, torch {found[-1]['torch']}. Seconds of training steps; start-up and evaluation apart.",
        "",
        *table(["side", "seed", "tokens read", "seconds", "of the peer's", "bits per byte, held out"], told(found)),
    ]
    write_section(docs, "race", "\n".join(lines))
    print("\n".join(lines))
    return 0


def changed(config: Any, fields: Sequence[str]) -> Any:
    """The config with fields given as name=value. Raises UsageError for one without a value."""
    for field in fields:
        name, equals, value = field.partition("=")
        if not equals:
            raise UsageError(f"{field!r} has no value.", "Write name=value.")
        config = replace_field(config, name, value)
    return config


def theirs(nanochat: Nanochat, folder: Path, sizes: Sizes, device: str) -> dict[str, Any]:
    """Nanochat's figures, after its training and our reading of its model."""
    nanochat.tokenizer(sizes.vocabulary)
    arguments = [
        f"--depth={sizes.depth}", f"--num-iterations={sizes.peer_steps}", f"--total-batch-size={sizes.peer_batch}",
        f"--device-batch-size={sizes.rows}",
    ]  # fmt: skip
    trained = nanochat.train(arguments + (["--device-type=cpu"] if device == "cpu" else []))
    return {**figures(trained), **nanochat.bits(folder / "selected" / "heldout.parquet", sizes.depth)}


def ours(folder: Path, config: PretrainConfig, seed: int, device: str) -> dict[str, Any]:
    """Our figures: held-out bits per byte are those that the stage measures."""
    trained = run_ours(folder, replace_field(config, "seed", str(seed)), device)
    about = trained.about
    bits = about["facts"]["heldout_bits_per_byte"]
    return {**figures(trained), "bits_per_byte": bits, "device": about["device"], "torch": about["torch"]}


def figures(trained: Trained) -> dict[str, Any]:
    """What both sides say of their training."""
    return {
        "tokens": trained.tokens * len(trained.seconds),
        "seconds": trained.total,
        "to_first_step": trained.first_step,
        "speed": trained.speed,
    }


def told(found: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The table's rows."""
    peers = {one["seed"]: one for one in found if one["side"] == "nanochat"}
    return [
        [
            one["side"], str(one["seed"]), f"{one['tokens'] / 1e6:.1f} M", f"{one['seconds']:.1f}",
            f"{one['seconds'] / peers[one['seed']]['seconds']:.2f}x", f"{one['bits_per_byte']:.4f}",
        ]
        for one in found
    ]  # fmt: skip
