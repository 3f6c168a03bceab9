"""`trivium eval`: benchmarks, bits per byte by source, learning from the prompt, and what training forgot."""

from __future__ import annotations

import json as json_module
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.journey.record import JOURNEY, open_node, read_record, resolve

if TYPE_CHECKING:
    from trivium.evals.documents import Text
    from trivium.evals.sitting import Plan, Sitting

FLAG = Parameter(negative=())
PATHS = Annotated[tuple[Path, ...], Parameter(negative=(), consume_multiple=True)]
WORDS = Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)]
MADE_UP = ("mapping", "recall")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of a model."""

    tasks: WORDS = ()
    """lambada, arc-easy, arc-challenge, piqa, boolq, openbookqa, mmlu, hellaswag, winogrande, commonsenseqa, a mixed
    file's dataset, or all; by default those of the list that the data has."""
    data: PATHS = ()
    """Files or folders of benchmark items: the datasets' own JSONL or Parquet files, or a mixed file."""
    text: PATHS = ()
    """Files or folders of documents for bits per byte by source: JSONL, Parquet with a column text, or plain text."""
    in_context: WORDS = ()
    """Accuracy by the number of shots, 0 to 32: mapping, recall, or tasks of the data."""
    in_context_items: int = 100
    """Items for each number of shots."""
    shots: int = 0
    """Answered items before each question."""
    seed: int = 1234
    """Which shots are drawn, and the made-up tasks."""
    limit: int = 0
    """At most so many items of a task, and documents of a source; 0 for all."""
    window: int = 0
    """Tokens of context for bits per byte; by default the rows that the model was trained on, where that is known."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """float32 gives lm-eval's figures; bfloat16 is faster where the machine has it."""

    def plan(self, model: Path) -> Plan:
        """The same with files read; without any named, what the run of a model has of its own. Raises UsageError."""
        from trivium.evals.benchmarks.reading import read_bank
        from trivium.evals.documents import file_texts
        from trivium.evals.sitting import Plan, Wish

        tasks, curves = _words(self.tasks), _words(self.in_context)
        if tasks and not self.data:
            raise UsageError(f"There is no data for {', '.join(tasks)}.", "Give --data FILE_OR_FOLDER.")
        bank = read_bank(self.data, () if "all" in tasks or not tasks else (*tasks, *curves)) if self.data else None
        texts: Sequence[Text] = list(file_texts(self.text))
        if not (self.data or self.text or curves):
            texts, curves = run_texts(model), MADE_UP
        return Plan(Wish(tasks, self.limit, self.shots, self.seed), bank, texts, curves, self.in_context_items)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Carried:
    """How it is carried out."""

    json: Annotated[bool, FLAG] = False
    """Print the summary as JSON."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    threads: int = 0
    """CPU threads; 0 means one for each core this process may use."""
    progress: bool = True
    """Show progress on stderr."""


def evaluate(
    model: Path,
    /,
    *,
    stage: str | None = None,
    against: Path | None = None,
    against_stage: str | None = None,
    out: Path | None = None,
    asked: Asked = Asked(),
    carried: Carried = Carried(),
) -> int:
    """Measure a model on benchmarks and texts.

    With nothing named: bits per byte of a run's held-out pages, and accuracy by the number of shots.

    Parameters
    ----------
    model
        A run folder, or a model's folder.
    stage
        Which of a run's models: base, sft, rl, …; base by default.
    against
        Another model (a run, a folder), or the --out folder of an earlier evaluation: differences on the same items.
    against_stage
        Which of that run's models.
    out
        Where items.jsonl, documents.jsonl, summary.json and eval.html go; runs/eval/<model> by default.
    asked
        What is asked.
    carried
        How it is carried out.
    """
    from trivium.evals import sitting as sittings

    folder = model_folder(model, stage)
    how = How(device=carried.device, threads=carried.threads, progress=carried.progress)
    plan, exact, window = asked.plan(model), asked.dtype == "float32", asked.window
    other: Sitting | None = None
    if against is not None and any((against / name).is_file() for name in (sittings.ITEMS, sittings.DOCUMENTS)):
        other = sittings.read_sitting(against)
    elif against is not None:
        rival = model_folder(against, against_stage)
        window = window or min(sittings.window_of(folder), sittings.window_of(rival))
        other = sittings.sit(rival, sittings.Plan(plan.wish, plan.bank, plan.texts), how, exact, window)
    found = sittings.sit(folder, plan, how, exact, window)
    summary = sittings.summarise(found, plan, other)
    place = out or Path("runs/eval") / folder.name
    sittings.write(place, found, summary, other)
    if carried.json:
        print(json_module.dumps(summary, indent=1, ensure_ascii=False))
        return 0
    print("\n".join([*told(summary), "", f"Items, figures and a page: {place}"]))
    return 0


def model_folder(path: Path, stage: str | None) -> Path:
    """The folder of the model that is meant: a folder with config.json itself, or a run's `base` or named stage."""
    if stage is None and (path / "config.json").is_file():
        return path
    if stage is None and (path / JOURNEY).is_file() and "base" in read_record(path).entries:
        return resolve(path, "base").path
    return resolve(path, stage).path


def run_texts(model: Path) -> list[Text]:
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
