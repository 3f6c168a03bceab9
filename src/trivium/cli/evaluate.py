"""`trivium eval`: benchmarks, bits per byte by source, learning from the prompt, and what training forgot."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from trivium.ground.errors import ArtifactError
from trivium.ground.how import How
from trivium.journey.record import JOURNEY, open_node, read_record, resolve

if TYPE_CHECKING:
    from trivium.evals.sitting import Plan, Sitting

FLAG = Parameter(negative=())
PATHS = Annotated[tuple[Path, ...], Parameter(negative=(), consume_multiple=True)]
WORDS = Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)]
MADE_UP = ("mapping", "recall")


def evaluate(
    model: Path,
    /,
    *,
    stage: str | None = None,
    tasks: WORDS = (),
    data: PATHS = (),
    text: PATHS = (),
    in_context: WORDS = (),
    in_context_items: int = 100,
    shots: int = 0,
    seed: int = 1234,
    limit: int = 0,
    against: Path | None = None,
    against_stage: str | None = None,
    window: int = 0,
    dtype: Literal["float32", "bfloat16"] = "float32",
    out: Path | None = None,
    json: Annotated[bool, FLAG] = False,
    device: str = "auto",
    threads: int = 0,
    progress: bool = True,
) -> int:
    """Measure a model on benchmarks and texts.

    With nothing named: bits per byte of a run's held-out pages, and accuracy by the number of shots.

    Parameters
    ----------
    model
        A run folder, or a model's folder.
    stage
        Which of a run's models: base, sft, rl, …; base by default.
    tasks
        lambada, arc-easy, arc-challenge, piqa, boolq, openbookqa, mmlu, hellaswag, winogrande, commonsenseqa, or a
        dataset of a mixed file; `all` for every one. By default those of the list that the data has.
    data
        Files or folders of benchmark items: the datasets' own JSONL or Parquet files, or a mixed file.
    text
        Files or folders of documents for bits per byte by source: JSONL, Parquet with a column text, or plain text.
    in_context
        Accuracy by the number of shots, 0 to 32: mapping, recall, or tasks of the data.
    in_context_items
        Items for each number of shots.
    shots
        Answered items before each question.
    seed
        Which shots are drawn, and the made-up tasks.
    limit
        At most so many items of a task, and documents of a source; 0 for all.
    against
        Another model (a run, a folder), or the --out folder of an earlier evaluation: differences on the same items.
    against_stage
        Which of that run's models.
    window
        Tokens of context for bits per byte; by default the rows that the model was trained on, where that is known.
    dtype
        float32 gives lm-eval's figures; bfloat16 is faster where the machine has it.
    out
        Where items.jsonl, documents.jsonl, summary.json and eval.html go; runs/eval/<model> by default.
    json
        Print the summary as JSON.
    device
        auto, cpu, cuda or mps.
    threads
        CPU threads; 0 means one for each core this process may use.
    progress
        Show progress on stderr.
    """
    from trivium.evals import sitting as sittings

    folder = model_folder(model, stage)
    how = How(device=device, threads=threads, progress=progress)
    tasks, in_context = _words(tasks), _words(in_context)
    plan = _plan(model, tasks, data, text, in_context)
    wish = sittings.Wish(tasks, limit, shots, seed)
    plan = sittings.Plan(wish, plan.bank, plan.texts, plan.curves, in_context_items)
    exact = dtype == "float32"
    other: Sitting | None = None
    if against is not None and any((against / name).is_file() for name in (sittings.ITEMS, sittings.DOCUMENTS)):
        other = sittings.read_sitting(against)
    elif against is not None:
        rival = model_folder(against, against_stage)
        window = window or min(sittings.window_of(folder), sittings.window_of(rival))
        other = sittings.sit(rival, sittings.Plan(wish, plan.bank, plan.texts), how, exact, window)
    found = sittings.sit(folder, plan, how, exact, window)
    summary = sittings.summarise(found, plan, other)
    place = out or Path("runs/eval") / folder.name
    sittings.write(place, found, summary, other)
    if json:
        print(json_module.dumps(summary, indent=1, ensure_ascii=False))
        return 0
    for line in told(summary):
        print(line)
    print(f"\nItems, figures and a page: {place}", file=sys.stdout)
    return 0


def model_folder(path: Path, stage: str | None) -> Path:
    """The folder of the model that is meant: a folder with config.json itself, or a run's `base` or named stage."""
    if stage is None and (path / "config.json").is_file():
        return path
    if stage is None and (path / JOURNEY).is_file() and "base" in read_record(path).entries:
        return resolve(path, "base").path
    return resolve(path, stage).path


def _plan(
    model: Path, tasks: tuple[str, ...], data: tuple[Path, ...], text: tuple[Path, ...], curves: tuple[str, ...]
) -> Plan:
    """The bank, texts and curves; without any named, what a run has of its own."""
    from trivium.evals.benchmarks.reading import read_bank
    from trivium.evals.documents import file_texts
    from trivium.evals.sitting import Plan

    bank = read_bank(data, () if "all" in tasks else tasks and (*tasks, *curves)) if data else None
    if bank is None and tasks:
        raise ArtifactError(f"There is no data for {', '.join(tasks)}.", "Give --data FILE_OR_FOLDER.")
    texts = list(file_texts(text))
    if not (data or text or curves):
        return Plan(bank=bank, texts=run_texts(model), curves=MADE_UP)
    return Plan(bank=bank, texts=texts, curves=curves)


def run_texts(model: Path) -> list[Any]:
    """The held-out documents of the run that a path is, or that holds it; none where there is no run."""
    from trivium.evals.documents import shard_texts
    from trivium.text.shards import open_shards
    from trivium.text.tokenizer import Tokenizer

    run = next((path for path in (model, model.resolve().parent) if (path / JOURNEY).is_file()), None)
    if run is None or "shards" not in read_record(run).entries:
        return []
    tokenizer = Tokenizer.open(open_node(run, "tokenizer").path)
    return list(shard_texts(open_shards(open_node(run, "shards"), tokenizer).heldout, tokenizer))


def told(summary: dict[str, Any]) -> list[str]:
    """The summary for people, a line each."""
    from trivium.pages.evaluation import bits_rows, change_rows, curve_rows, task_rows
    from trivium.pages.figures import plain

    lines = [f"model {summary['model']}"]
    against = summary["against"]
    mean = summary["mean_centred"]
    tables: list[tuple[tuple[str, ...], list[tuple[str, ...]]]] = [
        (("task", "items", "shots", "acc", "acc_norm", "chance", "centred"), task_rows(summary)),
        (("source", "documents", "bytes", "bits per byte"), bits_rows(summary)),
    ]
    for name, curve in summary["in_context"].items():
        tables.append(((f"shots: {name}", "accuracy", "shuffled labels", "difference"), curve_rows(curve)))
    if against:
        names = (f"against {against['model']}", "before", "after", "difference", "verdict")
        tables += [(names, change_rows(against["tasks"], 1)), (names, change_rows(against["bits_per_byte"], 0))]
    for head, rows in tables:
        if rows:
            widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
            lines.append("")
            lines += [
                "  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
            ]
    if mean and mean["n"]:
        lines += ["", f"mean centred accuracy over {mean['n']} tasks: {plain(mean)}"]
    if summary["contexts_cut"]:
        lines.append(f"{summary['contexts_cut']:,} contexts were too long for the model and were cut from the left.")
    lines += [f"skipped: {one['rows']:,} rows of {one['of']}: {one['reason']}" for one in summary["skipped"]]
    return lines


def _words(given: tuple[str, ...]) -> tuple[str, ...]:
    """`a,b c` as three words."""
    return tuple(word for text in given for word in text.split(",") if word)
