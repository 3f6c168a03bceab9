"""`trivium bench rl`: rollouts a second, as RL's loop samples them: fresh weights, then a whole round.

A round is `batch` prompts of `prompt` random ids, each continued by exactly `new` tokens at temperature 1 (no id ends
it), after the engine has taken over the model's weights, as it does before every round of practice. Prompts are all
different, unless `group` says how many answers each gets. The first round is not counted; the figure is the median.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import torch

from trivium.bench.page import machine, table, write_section
from trivium.generate.engine import Engine, Request
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.model.config import ModelConfig
from trivium.model.device import pick_dtype, settle
from trivium.model.transformer import Transformer

DOCS = Path("docs/benchmarks.md")
SHAPES: dict[str, dict[str, Any]] = {
    "10m": {
        "vocab_size": 4096, "hidden_size": 320, "intermediate_size": 896, "head_dim": 64, "num_hidden_layers": 6,
        "num_attention_heads": 5, "num_key_value_heads": 5,
    },
    "135m": {
        "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "head_dim": 64, "num_hidden_layers": 30,
        "num_attention_heads": 9, "num_key_value_heads": 3, "tie_word_embeddings": True,
    },
}  # fmt: skip
"""The first is of nano's kind, the second SmolLM2-135M's."""


@dataclass(frozen=True)
class Measured:
    """One case."""

    size: str
    new: int
    parameters: int
    seconds: list[float]
    """Of each round."""
    refresh: float
    """Seconds of them that taking over the weights took, the median."""
    rollouts: int

    @property
    def rate(self) -> float:
        """Rollouts a second."""
        return self.rollouts / statistics.median(self.seconds)


def main(
    sizes: Sequence[str] = ("10m",),
    prompt: int = 16,
    new: Sequence[int] = (32,),
    batch: int = 256,
    group: int = 1,
    rounds: int = 7,
    device: str = "auto",
    threads: int = 0,
    docs: Path | None = DOCS,
) -> int:
    """Measure each case, print, and write a section of the benchmarks. Returns the exit code.

    Raises UsageError for an unknown size.
    """
    for size in sizes:
        if size not in SHAPES:
            raise UsageError(f"There is no size {size!r}.", f"There are: {', '.join(SHAPES)}.")
    how = How(device=device, threads=threads)
    found = [measure(size, prompt, tokens, batch, group, rounds, how) for size in sizes for tokens in new]
    rows = [
        [
            f"{one.parameters / 1e6:.1f} M",
            str(one.new),
            f"{one.rate:,.0f}",
            f"{one.rate * one.new:,.0f}",
            f"{one.rollouts / max(one.seconds):,.0f} to {one.rollouts / min(one.seconds):,.0f}",
            f"{1000 * one.refresh:.1f}",
        ]
        for one in found
    ]
    head = ["parameters", "new tokens", "rollouts/s", "tokens/s", "slowest to fastest round", "taking weights over, ms"]
    place = settle(how)
    where = torch.cuda.get_device_name(place) if place.type == "cuda" else machine()
    about = (
        f"{date.today().isoformat()}, {where}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}, torch "
        f"{torch.__version__}, Python {platform.python_version()}, {str(pick_dtype(place)).removeprefix('torch.')}. "
        f"{prompt}-token prompts, batch {batch}, {group} answers a prompt, {rounds} rounds after one that is not told."
    )
    text = "\n".join(["## RL: rollouts a second", "", about, "", *table(head, rows), "", "`trivium bench rl`"])
    print(text)
    if docs is not None and docs.parent.is_dir():
        write_section(docs, "rl", text)
    return 0


def measure(size: str, prompt: int, new: int, batch: int, group: int, rounds: int, how: How) -> Measured:
    """One case: random weights, random prompts."""
    device = settle(how)
    config = ModelConfig(**SHAPES[size])
    model = Transformer.drawn(config, pick_dtype(device), device, seed=0)
    engine, luck = Engine(model, batch), Random(0)
    seconds, refreshing = [], []
    for number in range(rounds + 1):
        asked = [[luck.randrange(config.vocab_size) for _ in range(prompt)] for _ in range(-(-batch // group))]
        requests = [Request(asked[place // group], new, 1.0, number * batch + place) for place in range(batch)]
        _settled(device)
        begun = time.perf_counter()
        engine.refresh(model)
        _settled(device)
        ready = time.perf_counter()
        completions = engine.run(requests)
        _settled(device)
        ended = time.perf_counter()
        assert all(len(completion.ids) == new for completion in completions)
        if number:
            seconds.append(ended - begun)
            refreshing.append(ready - begun)
    parameters = sum(p.numel() for p in model.parameters())
    return Measured(size, new, parameters, seconds, statistics.median(refreshing), batch)


def _settled(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
