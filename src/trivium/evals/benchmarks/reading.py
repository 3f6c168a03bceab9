"""Benchmark files to items: JSONL (plain, gzip, zstd), JSON, Parquet; wrong rows are skipped and counted."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trivium.evals.benchmarks.forms import Form, Row, form_named, task_name
from trivium.evals.benchmarks.item import Item
from trivium.evals.benchmarks.mixed import as_written, published
from trivium.ground.errors import UsageError

ENDINGS = (".jsonl", ".ndjson", ".jsonl.gz", ".jsonl.zst", ".ndjson.gz", ".ndjson.zst", ".json", ".parquet")
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "eval": "test",
}
BAD = (KeyError, ValueError, TypeError, IndexError, AttributeError, RecursionError)


@dataclass
class Bank:
    """Everything that was read: items by task, and what was skipped."""

    items: dict[str, list[Item]] = field(default_factory=dict)
    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(task or dataset, reason) -> rows."""

    def asked(self, task: str) -> list[Item]:
        """The items to ask: those of the test split, or of the validation split where no test item has an answer."""
        for split in ("test", "validation"):
            found = [item for item in self.items.get(task, ()) if item.split == split]
            if found:
                return found
        return []

    def pool(self, task: str) -> list[Item]:
        """Where shots come from: rows meant for it, else the training split, the validation split, the asked ones."""
        every = self.items.get(task, [])
        pools = ([item for item in every if item.split == split] for split in ("shots", "train", "validation"))
        return next((pool for pool in pools if pool), self.asked(task))


def read_bank(paths: Sequence[Path], tasks: Collection[str] = ()) -> Bank:
    """The items in these files and folders; with `tasks` only theirs.

    Raises UsageError for a path that is not there, a folder without such files, and a file that cannot be unpacked.
    """
    bank = Bank()
    seen: set[tuple[str, str, str]] = set()
    wanted = {form.name if (form := form_named(name)) else task_name(name) for name in tasks}
    for path in paths:
        for file in _files(path):
            numbers: Counter[str] = Counter()
            for row in rows_of(file):
                _take(bank, row, file, numbers, wanted, seen)
    return bank


def _take(
    bank: Bank,
    row: Row | None,
    file: Path,
    numbers: Counter[str],
    wanted: Collection[str],
    seen: set[tuple[str, str, str]],
) -> None:
    """Put a row's item into the bank, or count why there is none."""
    if row is None:
        bank.skipped[file.name, "not a JSON object"] += 1
        return
    name = str(row.get("dataset", ""))
    form = recognise(row, file)
    task = form.name if form else task_name(name)
    if wanted and task not in wanted:
        return
    split = split_of(row, file, task)
    number = numbers[f"{task}/{split}"]
    numbers[f"{task}/{split}"] += 1
    own = row.get("id", row.get("ind"))
    try:
        id = f"{task}/{own}" if isinstance(own, str | int) else f"{task}/{split}/{number}"
        item = item_of(row, form, id, split) if form else as_written(row, id, task, split) if name else None
    except BAD as error:
        bank.skipped[task, f"row not readable ({type(error).__name__})"] += 1
        return
    if item is None:
        bank.skipped[name or file.name, "unknown task"] += 1
    elif isinstance(own, str | int) and (task, split, str(own)) in seen:
        bank.skipped[task, "id seen before"] += 1
    else:
        seen.add((task, split, str(own)))
        bank.items.setdefault(task, []).append(item)


def item_of(row: Row, form: Form, id: str, split: str = "test") -> Item:
    """The item of a published (or mixed) row of a known task. Raises one of BAD for a damaged row."""
    plain = published(row, form)
    context, choices, gold = form.build(plain)
    head = form.head(row) if form.head else ""
    if form.kind == "schema":
        return Item(id, form.name, "", choices, gold, "schema", ending=context, head=head, split=split)
    if not all(choices):
        raise ValueError("a choice is empty")
    group = str(row.get("subject", "")) if form.name == "mmlu" else ""
    return Item(id, form.name, context, choices, gold, form.kind, head=head, group=group, split=split)


def recognise(row: Row, file: Path) -> Form | None:
    """The form of a row: by its dataset's name, or its fields; ARC's two halves and LAMBADA by the file's name."""
    if "dataset" in row:
        return form_named(str(row["dataset"]))
    keys = row.keys()
    for name, fields in (
        ("piqa", {"goal", "sol1", "sol2"}),
        ("boolq", {"passage", "question"}),
        ("hellaswag", {"ctx_a", "endings"}),
        ("winogrande", {"sentence", "option1", "option2"}),
        ("openbookqa", {"question_stem", "choices"}),
        ("commonsenseqa", {"question_concept", "choices"}),
    ):
        if fields <= keys:
            return form_named(name)
    if "question" in keys and "answer" in keys and ("choices" in keys or {"A", "B", "C", "D"} <= keys):
        return form_named("mmlu")
    where = "/".join(file.parts[-3:]).lower()
    if isinstance(row.get("question"), dict) and "question_concept" in row["question"]:
        return form_named("commonsenseqa")
    if "answerKey" in keys:
        halves = [half for half in ("easy", "challenge") if half in where]
        return form_named("openbookqa" if "openbook" in where else f"arc-{halves[-1]}" if halves else "")
    return form_named("lambada") if "text" in keys and "lambada" in where else None


def split_of(row: Row, file: Path, task: str) -> str:
    """The split that a row says it is of, or its file's name says; test when neither does."""
    words = re.split(r"[^a-z]+", str(row.get("split") or "").lower() or file.name.lower())
    word = next((word for word in words if word in SPLITS), "test")
    return "shots" if task == "mmlu" and word == "dev" else SPLITS[word]


def rows_of(file: Path) -> Iterator[Row | None]:
    """The rows of a file in order, None for each that is no JSON object. Raises UsageError for what is no such file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if file.suffix == ".parquet":
            with pq.ParquetFile(file) as table:
                for batch in table.iter_batches(1024):
                    yield from batch.to_pylist()
        elif file.suffix == ".json":
            value = json.loads(file.read_bytes())
            yield from (
                row if isinstance(row, dict) else None for row in (value if isinstance(value, list) else [value])
            )
        else:
            with pa.input_stream(str(file)) as stream:
                yield from (_row(line) for line in io.BufferedReader(stream) if line.strip())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}.", "Is it whole, and what its name says?") from error


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.is_file() and file.name.lower().endswith(ENDINGS))
        if not found:
            raise UsageError(f"{path} holds no benchmark files.", f"They end in {', '.join(ENDINGS)}.")
        return found
    if not path.is_file():
        raise UsageError(f"{path} is not there.", "Give a file or a folder of benchmark items.")
    return [path]
