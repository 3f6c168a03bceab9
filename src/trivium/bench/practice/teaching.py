"""`trivium bench sft` and `trivium bench reward`: tokens a second of teaching, beside TRL's trainers.

Both sides open one folder (random weights) and read the same ids: conversations with the same tokens taught, in rows of
one length; or the same comparisons, as many to a step. Weights are fp32 and computed with in bf16 where the device does
that; each side has its own optimizer, ours Muon and AdamW, TRL's its default. TRL recomputes nothing, which is faster
than its default.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from trivium.bench.page import table, write_section
from trivium.bench.practice import material, shapes
from trivium.bench.practice.against import HEAD, Beside, Side, Turns, about, measure, name_of, told_settings
from trivium.bench.practice.peer import Peer, trl
from trivium.ground.atomic import write_json
from trivium.ground.how import How
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model
from trivium.model.reward import begin_reward
from trivium.stages.reward.config import FitConfig
from trivium.stages.sft.config import TeachConfig
from trivium.train.loop import language_loss
from trivium.train.packing import PackedRows
from trivium.train.preferences.judged import JudgedPairs, judged_loss

DOCS = Path("docs/benchmarks.md")
SFT_MODES = ("bfd+sdpa+rows4", "wrapped+sdpa+liger", "bfd+flex_attention", "wrapped+sdpa")
REWARD_MODES = ("sdpa", "sdpa+liger")


def sft(
    sizes: Sequence[str] = ("135m",), modes: Sequence[str] = SFT_MODES, rows: int = 16, row_tokens: int = 2048,
    turns: Turns | None = None, peers: bool = True, device: str = "auto", threads: int = 0,
    out: Path = Path("runs/bench/sft"), docs: Path | None = DOCS,
) -> int:  # fmt: skip
    """Measure each size beside each of TRL's modes; print, and write a section. Raises UsageError without TRL."""
    bench = Bench("sft", How(device=device, threads=threads, progress=False, checkpoint_seconds=1e9), out, turns)
    longest = row_tokens

    def begin(size: str) -> tuple[Any, dict[str, Any]]:
        folder, talks, tokenizer = bench.ground(size, rows * row_tokens // 12)
        examples = material.lessons(tokenizer, talks, longest)
        data = material.lessons_for_peer(examples, out / "lessons.json")
        case = {"rows": rows, "row_tokens": row_tokens, "data": str(data)}

        def side() -> Side:
            model = load_model(folder, bench.device, bench.dtype)
            source = PackedRows(examples, row_tokens, rows, 0, tokenizer.end_of_text)
            return Side(model, source, TeachConfig().optimizer, language_loss)

        return side, case

    told = (
        f"Steps of {rows} rows of {row_tokens} tokens, conversations packed; a mode is TRL's packing and attention "
        "(rows4: so many rows at once). Its bfd keeps conversations apart, as ours does; its wrapped cuts them and "
        "lets them see each other, which is less work."
    )
    return bench.run("SFT: tokens a second, packed", told, sizes, modes if peers else ("",), begin, docs)


def reward(
    sizes: Sequence[str] = ("135m",), modes: Sequence[str] = REWARD_MODES, batch: int = 32, row_tokens: int = 2048,
    turns: Turns | None = None, peers: bool = True, device: str = "auto", threads: int = 0,
    out: Path = Path("runs/bench/reward"), docs: Path | None = DOCS,
) -> int:  # fmt: skip
    """Measure each size beside each of TRL's modes; print, and write a section. Raises UsageError without TRL."""
    bench = Bench("reward", How(device=device, threads=threads, progress=False, checkpoint_seconds=1e9), out, turns)

    def begin(size: str) -> tuple[Any, dict[str, Any]]:
        folder, talks, tokenizer = bench.ground(size, 60 * batch)
        found = material.pairs(tokenizer, talks, row_tokens // 2)
        data = material.pairs_for_peer(found, out / "pairs.json")

        def side() -> Side:
            model = begin_reward(folder, bench.device, bench.dtype)
            source = JudgedPairs(found, row_tokens, batch, 0, tokenizer.end_of_text)
            return Side(model, source, FitConfig().optimizer, judged_loss)

        return side, {"pairs": batch, "data": str(data)}

    told = (
        f"Steps of {batch} comparisons; ours are packed in rows of {row_tokens} tokens, TRL pads a step's answers to "
        "the longest. A mode is TRL's attention."
    )
    return bench.run("Reward models: tokens a second", told, sizes, modes if peers else ("",), begin, docs)


class Bench:
    """What both have in common: where it runs, what is read, and what is told."""

    def __init__(self, kind: str, how: How, out: Path, turns: Turns | None) -> None:
        self.kind, self.how, self.out, self.turns = kind, how, out, turns or Turns()
        out.mkdir(parents=True, exist_ok=True)
        self.device = settle(how)
        self.dtype = pick_dtype(self.device)

    def ground(self, size: str, count: int) -> tuple[Path, list[material.Conversation], Any]:
        """A model's folder, so many conversations, and the tokenizer."""
        talks = material.conversations(max(64, count))
        tokenizer = material.tokenizer_of(self.out / "tokenizer", talks)
        return shapes.drawn(size, self.out / size, tokenizer), talks, tokenizer

    def run(
        self, title: str, told: str, sizes: Sequence[str], modes: Sequence[str], begin: Any, docs: Path | None
    ) -> int:
        """Every size beside every mode; figures are written as they come. Returns the exit code."""
        for size in sizes:
            shapes.config_of(size)
        found: list[Beside] = []
        text = ""
        with trl(self.out / "trl.log") if any(modes) else nullcontext() as peer:
            for size in sizes:
                side, case = begin(size)
                for mode in modes:
                    found.append(self.beside(size, mode, side(), case, peer))
                    print(" · ".join(found[-1].row()), flush=True)
                    write_json(self.out / f"{self.kind}.json", [one.to_json() for one in found])
                    text = self.text(title, told, found)
                    if docs is not None and docs.parent.is_dir():
                        write_section(docs, self.kind, text)
        print(text)
        return 0

    def beside(self, size: str, mode: str, side: Side, case: dict[str, Any], peer: Peer | None) -> Beside:
        """One size beside one mode."""
        whole = {
            **case, "kind": self.kind, "mode": mode, "folder": str((self.out / size).resolve()),
            "work": str((self.out / "work").resolve()), "dtype": name_of(self.dtype), "device": self.device.type,
            "threads": torch.get_num_threads(), "warmup": self.turns.warmup, "steps": self.turns.steps,
        }  # fmt: skip
        found = Beside(size, mode or "-")
        measure(found, side, peer, whole, self.turns, self.how)
        return found

    def text(self, title: str, told: str, found: Sequence[Beside]) -> str:
        """The section."""
        first = found[0]
        many = ", ".join(
            f"{one.size} {one.parameters / 1e6:.1f} M" for one in {one.size: one for one in found}.values()
        )
        ours = (
            f"Medians of {self.turns.turns} turns of {self.turns.steps} steps in alternation, {self.turns.warmup} "
            f"steps before them not counted; parameters: {many}. Ours: fp32 weights, Muon and AdamW, "
            f"{first.filled:.0%} of rows filled, nothing recomputed; first loss {first.first_loss:.3f}."
        )
        settings = [f"- {one.size}, {one.mode}: {told_settings(one.settings)}" for one in found if one.settings]
        errors = [f"- {one.size}, {one.mode} failed: {one.error}" for one in found if one.error]
        lines = [f"## {title}", "", about(self.device, self.dtype), told, ours, ""]
        lines += [
            *table(HEAD, [one.row() for one in found]),
            "",
            *settings,
            *errors,
            "",
            f"`trivium bench {self.kind}`",
        ]
        return "\n".join(lines)
