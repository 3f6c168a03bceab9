"""An evaluation from beginning to end: what is asked of a model, and the files in which every answer is kept.

`items.jsonl`: one line an item. `documents.jsonl`: one line a document. `summary.json`: the figures. `eval.html`: the
figures to look at. Two sittings over the same items can be compared (`against`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from trivium.evals import documents, in_context
from trivium.evals.benchmarks.compare import compare_documents, compare_tasks
from trivium.evals.benchmarks.reading import Bank
from trivium.evals.benchmarks.scoring import Scorer
from trivium.evals.benchmarks.session import Wish, ask, chosen, figures, some
from trivium.ground.atomic import read_json, write_atomic, write_json
from trivium.ground.errors import ArtifactError, UsageError
from trivium.ground.how import How
from trivium.ground.log import JsonLog, read_jsonl
from trivium.model.device import settle
from trivium.model.folder import load_model
from trivium.pages.evaluation import page
from trivium.text.tokenizer import Tokenizer

ITEMS, DOCUMENTS, SUMMARY, PAGE = "items.jsonl", "documents.jsonl", "summary.json", "eval.html"
BUDGET = {"cpu": 1 << 12, "cuda": 1 << 16}
"""Tokens in a batch, by device: on a CPU what its caches hold, on a GPU what fills it."""


@dataclass(frozen=True)
class Plan:
    """What is asked."""

    wish: Wish = field(default_factory=Wish)
    bank: Bank | None = None
    """Benchmark items; None: no tasks."""
    texts: Sequence[documents.Text] = ()
    """Documents for bits per byte."""
    curves: tuple[str, ...] = ()
    """Accuracy by number of shots: mapping, recall, or tasks of the bank."""
    curve_items: int = 100


@dataclass
class Sitting:
    """What came of it."""

    model: str
    items: list[dict[str, Any]] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)
    curves: dict[str, Any] = field(default_factory=dict)
    cut: int = 0
    """Choices whose context was too long for the model and was cut from the left."""


@torch.no_grad()
def sit(folder: Path, plan: Plan, how: How, exact: bool = True, window: int = 0) -> Sitting:
    """Ask the model in a folder. `exact`: compute in fp32, as lm-eval does with our folders; else in bf16.

    `window`: tokens of context for bits per byte; 0: see `window_of`. Raises UsageError for a task that is not there
    and ArtifactError for a folder that is no model.
    """
    device = settle(how)
    if exact and device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
    model = load_model(folder, device, torch.float32 if exact else torch.bfloat16)
    tokenizer = Tokenizer.open(folder)
    scorer = Scorer(model, tokenizer, BUDGET.get(device.type, BUDGET["cpu"]))
    sitting = Sitting(folder.name)
    sitting.documents = documents.measure(
        model, tokenizer, plan.texts, how, window or window_of(folder), plan.wish.limit
    )
    if plan.bank is not None and (plan.wish.tasks or not plan.curves):
        for task in chosen(plan.bank, plan.wish):
            sitting.items += [result.to_json() for result in ask(scorer, plan.bank, task, plan.wish, how)]
    sitting.cut = scorer.cut
    for name in plan.curves:
        puzzles = puzzles_of(name, plan)
        rows = in_context.measure(scorer, name, puzzles, how)
        sitting.curves[name] = {"chance": in_context.chance(puzzles), "items": len(puzzles), "rows": rows}
    return sitting


def window_of(folder: Path) -> int:
    """The rows that a model was trained on, where its manifest says so; else its longest row, at most 1024 tokens.

    A model that never saw longer rows reads them worse than shorter ones. Raises ArtifactError.
    """
    try:
        config = read_json(folder / "manifest.json")["config"] if (folder / "manifest.json").is_file() else {}
        trained = config.get("row_tokens")
        longest = int(read_json(folder / "config.json")["max_position_embeddings"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{folder} is no model folder: {error}.", "Give a folder with config.json.") from error
    return trained if isinstance(trained, int) and 0 < trained <= longest else min(longest, 1024)


def puzzles_of(name: str, plan: Plan) -> list[in_context.Puzzle]:
    """The puzzles of a curve. Raises UsageError for a task that is neither made up nor in the data."""
    if name in in_context.MADE_UP:
        return in_context.made_up(name, plan.curve_items, plan.wish.seed)
    if plan.bank is None:
        made = ", ".join(in_context.MADE_UP)
        raise UsageError(f"{name!r} is no made-up task.", f"Those are {made}; others need --data.")
    task = chosen(plan.bank, Wish(tasks=(name,)))[0]
    return in_context.real(some(plan.bank.asked(task), plan.curve_items), plan.bank.pool(task), plan.wish.seed)


def read_sitting(folder: Path) -> Sitting:
    """A sitting that was written before. Raises ArtifactError when its files are damaged."""
    sitting = Sitting(folder.name)
    try:
        for name, records in ((ITEMS, sitting.items), (DOCUMENTS, sitting.documents)):
            if (folder / name).is_file():
                records.extend(read_jsonl(folder / name))
    except ValueError as error:
        raise ArtifactError(f"{folder} cannot be read: {error}.", "Evaluate that model again.") from error
    return sitting


def summarise(sitting: Sitting, plan: Plan, against: Sitting | None = None) -> dict[str, Any]:
    """The content of `summary.json`."""
    summary: dict[str, Any] = {
        "model": sitting.model,
        "shots": plan.wish.shots,
        "seed": plan.wish.seed,
        **figures(sitting.items),
        "bits_per_byte": documents.by_source(sitting.documents),
        "in_context": sitting.curves,
        "contexts_cut": sitting.cut,
        "skipped": [
            {"of": of, "reason": reason, "rows": rows} for (of, reason), rows in sorted(plan.bank.skipped.items())
        ]
        if plan.bank is not None
        else [],
        "against": None,
    }
    if against is not None:
        summary["against"] = {
            "model": against.model,
            "tasks": compare_tasks(sitting.items, against.items),
            "bits_per_byte": compare_documents(sitting.documents, against.documents),
        }
    return summary


def write(out: Path, sitting: Sitting, summary: dict[str, Any], against: Sitting | None = None) -> None:
    """Write the four files into `out`, and the other model's records into `out/against`."""
    for folder, one in ((out, sitting), (out / "against", against)):
        if one is None:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        for name, records in ((ITEMS, one.items), (DOCUMENTS, one.documents)):
            (folder / name).unlink(missing_ok=True)
            with JsonLog(folder / name) as log:
                for record in records:
                    log.write(record)
    write_json(out / SUMMARY, summary)
    write_atomic(out / PAGE, page(summary).encode())
