"""`trivium bench rl`: rollouts a second, as RL's loop samples them: fresh weights, then a whole round.

A round is `batch` prompts of `prompt` random ids, each continued by exactly `new` tokens at temperature 1 (no id ends
it), after the engine has taken over the model's weights, as it does before every round of practice. Prompts are all
different, unless `group` says how many answers each gets. The first round is not counted; the figure is the median.

Peers take turns with us: TRL's GRPOTrainer on the same weights in bf16, timed where its loop makes ids of ids
(`_generate_single_turn`), and nanochat's engine, a prompt with all its answers at a time, on a model of its own kind.
Theirs are sampling alone: nothing is taken over, since they sample with the weights that learn.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import torch

from trivium.bench.page import machine, table, write_section
from trivium.bench.practice.against import name_of, settled, told_settings
from trivium.bench.practice.material import conversations, tokenizer_of
from trivium.bench.practice.samplers import Other, Others
from trivium.bench.practice.shapes import config_of, drawn
from trivium.generate.engine import Engine, Request
from trivium.ground.atomic import write_json
from trivium.ground.how import How
from trivium.model.device import pick_dtype, settle
from trivium.model.transformer import Transformer

DOCS = Path("docs/benchmarks.md")
HEAD = ["parameters", "new tokens", "side", "rollouts/s", "tokens/s", "ours is", "slowest to fastest round"]


@dataclass
class Measured:
    """One case."""

    size: str
    new: int
    parameters: int
    rollouts: int
    seconds: list[float] = field(default_factory=list)
    """Of each round."""
    refreshing: list[float] = field(default_factory=list)
    """Seconds of them that taking over the weights took."""
    others: list[Other] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Rollouts a second."""
        return self.rollouts / statistics.median(self.seconds)

    @property
    def refresh(self) -> float:
        """Seconds that taking over the weights took, the median."""
        return statistics.median(self.refreshing)

    def to_json(self) -> dict[str, Any]:
        """For the file."""
        return {**asdict(self), "rate": round(self.rate, 1), "others": [one.to_json() for one in self.others]}

    def rows(self) -> list[list[str]]:
        """Of the table: peers first."""
        many, found = f"{self.parameters / 1e6:.1f} M", []
        for one in self.others:
            ratio = f"{self.rate / one.rate:.1f}x" if one.rate else one.error.splitlines()[0][:80]
            found.append([many, str(self.new), one.side, *_cells(one.rates, self.new, ratio)])
        found.append([many, str(self.new), "trivium", *_cells([self.rollouts / s for s in self.seconds], self.new, "")])
        return found


def main(
    sizes: Sequence[str] = ("10m",), prompt: int = 16, new: Sequence[int] = (32,), batch: int = 256, group: int = 1,
    rounds: int = 7, trl: Sequence[str] = (), nanochat: Path | None = None, device: str = "auto", threads: int = 0,
    out: Path = Path("runs/bench/rl"), docs: Path | None = DOCS,
) -> int:  # fmt: skip
    """Measure each case, beside TRL in the modes `trl` (generate, static, continuous) and a copy of nanochat; print,
    and write a section of the benchmarks. Returns the exit code.

    Raises UsageError for an unknown size and for a peer that is not there.
    """
    for size in sizes:
        config_of(size)
    how, found, text = How(device=device, threads=threads), [], ""
    sizes_told = f"{prompt}-token prompts, batch {batch}, {group} answers a prompt, {rounds} rounds"
    command = f"trivium bench rl --sizes {' '.join(sizes)} --new {' '.join(map(str, new))} --group {group}"
    command += f" --trl {' '.join(trl)}" * bool(trl) + " --nanochat FOLDER" * (nanochat is not None)
    with Others(tuple(trl), nanochat, out, name_of(pick_dtype(settle(how)))) as others:
        for size in sizes:
            for tokens in new:
                one = measure(size, prompt, tokens, batch, group, rounds, how, others, out)
                found.append(one)
                print("\n".join(" · ".join(row) for row in one.rows()), flush=True)
                text = told(found, sizes_told, settle(how), command)
                if others:
                    write_json(out / "rl.json", [each.to_json() for each in found])
                if docs is not None and docs.parent.is_dir():
                    write_section(docs, "rl", text)
    print(text)
    return 0


def told(found: Sequence[Measured], sizes: str, place: torch.device, command: str) -> str:
    """The section."""
    where = torch.cuda.get_device_name(place) if place.type == "cuda" else machine()
    about = (
        f"{date.today().isoformat()}, {where}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}, torch "
        f"{torch.__version__}, Python {platform.python_version()}, {name_of(pick_dtype(place))}. {sizes} after one "
        "that is not told. Ours takes over the weights in each round, milliseconds: "
        + ", ".join(f"{1000 * one.refresh:.1f} ({one.size}, {one.new})" for one in found)
        + "."
    )
    others = {(one.size, other.side): other for one in found for other in one.others if other.settings}
    settings = [
        f"- {side}, {size}, {other.parameters / 1e6:.1f} M: {told_settings(other.settings)}"
        for (size, side), other in others.items()
    ]
    rows = [row for one in found for row in one.rows()]
    head = ["## RL: rollouts a second", "", about, "", *table(HEAD, rows), ""]
    return "\n".join([*head, *settings, *([""] if settings else []), f"`{command}`"])


def measure(
    size: str, prompt: int, new: int, batch: int, group: int, rounds: int, how: How, others: Others, out: Path
) -> Measured:
    """One case: random weights, random prompts; each peer's rounds in turn with ours."""
    device, config = settle(how), config_of(size)
    dtype = pick_dtype(device)
    model = Transformer.drawn(config, dtype, device, seed=0)
    engine, luck = Engine(model, batch), Random(0)
    found = Measured(size, new, sum(p.numel() for p in model.parameters()), batch)

    def ask() -> list[list[int]]:
        return [[luck.randrange(config.vocab_size) for _ in range(prompt)] for _ in range(-(-batch // group))]

    def ours(count: bool = True) -> None:
        asked = ask()
        requests = [Request(asked[i // group], new, 1.0, len(found.seconds) * batch + i) for i in range(batch)]
        settled(device)
        begun = time.perf_counter()
        engine.refresh(model)
        settled(device)
        ready = time.perf_counter()
        completions = engine.run(requests)
        settled(device)
        ended = time.perf_counter()
        assert all(len(completion.ids) == new for completion in completions)
        if count:
            found.seconds.append(ended - begun)
            found.refreshing.append(ready - begun)

    ours(count=False)
    if others:
        folder = out / size
        tokenizer = tokenizer_of(out / "tokenizer", conversations(200))
        case = {
            "folder": str(drawn(size, folder, tokenizer).resolve()), "work": str((out / "work").resolve()), "new": new,
            "batch": batch, "group": group, "prompts": ask(), "dtype": name_of(dtype), "device": device.type,
            "threads": torch.get_num_threads(), "warmup": 1,
            "shape": {name: getattr(config, name) for name in (
                "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")},
        }  # fmt: skip
        for other, number in others.each(case, rounds):
            if number == 0:
                found.others.append(other)
            ours()
    for _ in range(rounds - len(found.seconds)):
        ours()
    return found


def _cells(rates: list[float], new: int, ratio: str) -> list[str]:
    if not rates:
        return ["-", "-", ratio, "-"]
    rate = statistics.median(rates)
    return [f"{rate:,.0f}", f"{rate * new:,.0f}", ratio, f"{min(rates):,.0f} to {max(rates):,.0f}"]
