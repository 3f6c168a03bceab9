"""`trivium bench digits`: how many digits a token should hold, measured by the model that has to count with them.

Three tokenizers of one vocabulary size differ in their split regex alone: one, up to two, up to three digits a token.
Behind each the same small model is trained on the same documents, real texts with sheets of sums among them, several
seeds each; then held-out bits per byte and a ladder of held-out sums. `budget` says what is equal: "flops", the steps
(so whose tokens are shorter reads fewer bytes), or "bytes", the documents, each once (so it makes more steps).
A run that was stopped goes on: each model's figures are kept in a file of their own.
"""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import torch

from trivium.bench.page import machine, table, write_section
from trivium.bench.tokens.ladder import Texts, documents, rungs, shard_of
from trivium.evals.bits import document_bits
from trivium.evals.intervals import mean
from trivium.evals.problems import accuracy, score_base
from trivium.generate.engine import Engine
from trivium.ground.artifact import Label
from trivium.ground.atomic import read_json, write_json
from trivium.ground.config import check, digest, replace_field
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.signals import listening
from trivium.model.config import ModelConfig, OptimizerConfig
from trivium.model.device import pick_dtype, settle
from trivium.model.transformer import Transformer
from trivium.stages.tokenizer.config import TokenizerConfig
from trivium.stages.tokenizer.run import train as train_tokenizer
from trivium.text.patterns import DIGITS
from trivium.text.shards import TokenShard
from trivium.text.tokenizer import Tokenizer
from trivium.train.loop import Loop, LoopConfig
from trivium.train.packing import StreamRows

DOCS = Path("docs/benchmarks.md")
PATTERNS = ("qwen2", "nanochat", "llama3")
ANSWER = 16
"""Tokens of an answer, at most: a number of six digits and its line's end fit, one digit a token."""
LEARNED_FROM = 40_000_000
"""Characters of the documents that the vocabulary is learned from, at most."""


@dataclass(frozen=True, kw_only=True)
class DigitsConfig:
    """Sizes of the bench; the defaults are for one GPU."""

    vocabulary: int = 8192
    megabytes: float = 200.0
    """Of the given files, at most."""
    sums_megabytes: float = 8.0
    """Generated sums among them."""
    heldout: int = 128
    """Texts for bits per byte."""
    problems: int = 200
    """Held-out problems of each rung; one-digit sums have fewer."""
    budget: str = "flops"
    """What is the same for all: flops (steps) or bytes (each document once)."""
    steps: int = 1200
    """Of every model, with the budget "flops"."""
    rows: int = 128
    row_tokens: int = 256
    microbatch_tokens: int = 32768
    """Tokens in one forward pass."""
    width: int = 384
    layers: int = 6
    heads: int = 6
    head_width: int = 64
    """Width of a head; heads times this need not be the model's width."""
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(muon_lr=0.02, embed_lr=0.03, head_lr=0.008)
    )
    """Peak rates, those of pre-training."""

    def __post_init__(self) -> None:
        check(self.budget in ("flops", "bytes"), "budget", self.budget, "Choose flops or bytes.")
        check(min(self.steps, self.rows, self.heldout, self.problems) > 0, "sizes", 0, "Sizes are above 0.")

    def shape(self, vocabulary: int) -> ModelConfig:
        """The model's shape."""
        return ModelConfig(
            vocab_size=vocabulary,
            hidden_size=self.width,
            intermediate_size=-(-self.width * 8 // 3 // 32) * 32,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.heads,
            head_dim=self.head_width,
            max_position_embeddings=max(1024, self.row_tokens),
        )


def main(
    text: Sequence[Path] = (),
    out: Path = Path("runs/bench"),
    seeds: int = 3,
    megabytes: float | None = None,
    vocabulary: int | None = None,
    size: Sequence[str] = (),
    device: str = "auto",
    docs: Path = DOCS,
) -> int:
    """Measure, print, write `digits.json` into `out` and the section `digits` of the benchmarks."""
    config = DigitsConfig()
    for setting in size:
        name, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(f"--size {setting} has no value.", "Give a field and its value: --size steps=600")
        config = replace_field(config, name, value)
    for name, given in (("megabytes", megabytes), ("vocabulary", vocabulary)):
        config = config if given is None else replace_field(config, name, given)
    how = How(device=device)
    texts = documents(text, config.megabytes, config.sums_megabytes, config.heldout)
    place, results = out / "digits", []
    with listening(how.stop):
        for pattern in PATTERNS:
            results += series(pattern, config, texts, seeds, place, how)
    about = {"config": asdict(config), "device": _device(how), "text": [path.name for path in text]}
    write_json(out / "digits.json", {**about, "runs": results})
    page = "\n".join(report(config, results, seeds, [path.name for path in text], _device(how)))
    write_section(docs, "digits", page)
    print(page)
    return 0


def series(pattern: str, config: DigitsConfig, texts: Texts, seeds: int, place: Path, how: How) -> list[dict[str, Any]]:
    """The figures of one tokenizer's models, those kept from an earlier run among them."""
    key = digest([asdict(config), pattern, len(texts.train), digest(texts.heldout), _device(how)])
    paths = [place / f"{pattern}-{seed}-{key[:8]}.json" for seed in range(seeds)]
    if all(path.is_file() for path in paths):
        return [read_json(path) for path in paths]
    tokenizer = train_tokenizer(
        _some(texts.train), TokenizerConfig(vocabulary=config.vocabulary, pattern=pattern, memory_mib=4096)
    )
    train, heldout = (shard_of(tokenizer, part) for part in texts)
    for seed, path in enumerate(paths):
        if not path.is_file():
            place.mkdir(parents=True, exist_ok=True)
            write_json(
                path, one(pattern, seed, config, tokenizer, train, heldout, texts, path.with_suffix(".work"), how)
            )
    return [read_json(path) for path in paths]


def one(
    pattern: str,
    seed: int,
    config: DigitsConfig,
    tokenizer: Tokenizer,
    train: TokenShard,
    heldout: TokenShard,
    texts: Texts,
    work: Path,
    how: How,
) -> dict[str, Any]:
    """Train a model and measure it."""
    device = settle(how)
    model = Transformer(config.shape(tokenizer.size), pick_dtype(device))
    model.init_weights(torch.Generator().manual_seed(seed))
    model.to(device)
    rows = StreamRows(train, config.row_tokens, config.rows, seed)
    steps = config.steps if config.budget == "flops" else rows.steps_per_epoch
    label = Label("model", "bench-digits", 1, {"pattern": pattern, "seed": seed, "config": asdict(config)})
    loop_config = LoopConfig(steps=steps, optimizer=config.optimizer, microbatch_tokens=config.microbatch_tokens)
    started = time.perf_counter()
    Loop(model, rows, loop_config, label, work, how).run(f"{pattern}, seed {seed}")
    seconds = time.perf_counter() - started
    bits = document_bits(model, heldout, range(len(heldout)), tokenizer.end_of_text, config.row_tokens)
    engine = Engine(model)
    ladder = {
        rung: accuracy(score_base(engine, tokenizer, problems, think=False, max_new=ANSWER)).to_json()
        for rung, problems in rungs(config.problems).items()
    }
    shutil.rmtree(work, ignore_errors=True)
    tokens = steps * config.rows * config.row_tokens
    size = sum(len(text.encode("utf-8", "replace")) for text in texts.train)
    return {
        "pattern": pattern,
        "digits": DIGITS[pattern],
        "seed": seed,
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": steps,
        "tokens": tokens,
        "bytes_read": round(tokens * size / len(train.ids)),
        "epochs": tokens / len(train.ids),
        "bytes_per_token": size / len(train.ids),
        "seconds": round(seconds, 1),
        "bits_per_byte": float(bits.sum()) / sum(len(text.encode("utf-8", "replace")) for text in texts.heldout),
        "ladder": ladder,
    }


def report(config: DigitsConfig, results: list[dict[str, Any]], seeds: int, files: list[str], device: str) -> list[str]:
    """The section: means over seeds with Student's 95 % intervals."""
    said = {"flops": "the same steps for all", "bytes": "the same documents for all, each once"}[config.budget]
    head = ["digits a token", "MB read", "steps", "bytes/token", "bits per byte"]
    rows, steps = [], [["digits a token", *(rung.replace("addition", "sum of") for rung in results[0]["ladder"])]]
    for pattern in PATTERNS:
        own = [result for result in results if result["pattern"] == pattern]
        name = f"{own[0]['digits']} ({pattern})" if own[0]["digits"] == 1 else f"1 to {own[0]['digits']} ({pattern})"
        read, rate = own[0]["bytes_read"] / 1e6, own[0]["bytes_per_token"]
        bits = _interval([result["bits_per_byte"] for result in own], 1, 3)
        rows.append([name, f"{read:,.1f}", f"{own[0]['steps']:,}", f"{rate:.3f}", bits])
        rungs_of = [[result["ladder"][rung]["value"] for result in own] for rung in own[0]["ladder"]]
        steps.append([name, *(_interval(values, 100, 0) for values in rungs_of)])
    parameters, seconds = results[0]["parameters"] / 1e6, sum(result["seconds"] for result in results)
    given = "".join(f" --text {name}" for name in files)
    return [
        f"`trivium bench digits{given} --seeds {seeds}`, {date.today()}, {device}, Python {platform.python_version()};",
        f"models of {parameters:.1f} M parameters, {config.vocabulary:,} tokens, {seeds} seeds each; budget: {said}",
        f"({config.rows * config.row_tokens:,} tokens a step); {config.sums_megabytes:g} MB of sums among the text; "
        f"{seconds:,.0f} s of training in all.",
        "",
        *table(head, rows),
        "",
        "Held-out problems answered at once, after three of the same kind, %:",
        "",
        *table(steps[0], steps[1:]),
        "",
        "Means over seeds with Student's 95 % intervals. Sums by their number of digits, comparisons by decimals.",
    ]


def _interval(values: list[float], scale: float, places: int) -> str:
    found = mean([scale * value for value in values])
    if len(values) < 2:
        return f"{found.value:.{places}f}"
    return f"{found.value:.{places}f} [{found.low:.{places}f}, {found.high:.{places}f}]"


def _some(texts: Sequence[str]) -> list[str]:
    taken, size = [], 0
    for text in texts:
        taken.append(text)
        size += len(text)
        if size > LEARNED_FROM:
            break
    return taken


def _device(how: How) -> str:
    from trivium.model.device import pick_device

    device = pick_device(how)
    return torch.cuda.get_device_name(device) if device.type == "cuda" else machine()
