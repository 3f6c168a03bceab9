"""Reading benchmark files: JSON lines, plain, gzip or zstd. What is loaded: problems; what was left out, and why."""

from __future__ import annotations

import gzip
import io
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from trivium.ground.errors import UsageError
from trivium.tasks.problem import Problem, Split, split_of

Record = dict[str, Any]
LONGEST_LINE = 4 << 20
"""Characters of one record."""
TRAIN_NAMES = ("train", "training")
HELDOUT_NAMES = ("test", "valid", "validation", "dev", "heldout")


def records(path: Path, dataset: str) -> Iterator[Record]:
    """The file's records, in order. Of a file with several data sets (field `dataset`), only those of `dataset`.

    Raises UsageError for a file that is missing or holds something else, with the line.
    """
    if not path.is_file():
        raise UsageError(f"There is no file {path}.", "Give a file of JSON lines (.jsonl, .jsonl.gz, .jsonl.zst).")
    with _opened(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line) if len(line) <= LONGEST_LINE else None
            except (ValueError, RecursionError):
                record = None
            if not isinstance(record, dict):
                raise UsageError(f"Line {number} of {path} is no JSON object.", "Each line is one record.")
            if str(record.get("dataset", dataset)).split("-")[0] == dataset:
                yield record


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    if path.suffix == ".zst":
        import pyarrow

        with (
            pyarrow.OSFile(str(path)) as raw,
            pyarrow.CompressedInputStream(raw, "zstd") as stream,
            io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8") as text,
        ):
            yield text
    elif path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as text:
            yield text
    else:
        with path.open(encoding="utf-8") as text:
            yield text


@dataclass
class Loaded:
    """What came of a file."""

    splits: dict[Split, list[Problem]] = field(default_factory=lambda: {"train": [], "heldout": []})
    left_out: Counter[str] = field(default_factory=Counter)
    """Reasons, with how many records went for each."""

    def take(self, problem: Problem, said: Any) -> None:
        """Put a problem into its split: the one that its record says, or else the one of its hash."""
        split: Split = split_of(problem.id)
        if isinstance(said, str) and said.lower() in (*TRAIN_NAMES, *HELDOUT_NAMES):
            split = "train" if said.lower() in TRAIN_NAMES else "heldout"
        self.splits[split].append(problem)

    def parted(self) -> Loaded:
        """The same without repeated problems; one that is in both splits is held out only."""
        heldout = {problem.id for problem in self.splits["heldout"]}
        for split, problems in self.splits.items():
            seen: set[str] = set()
            kept = []
            for problem in problems:
                if problem.id in seen:
                    self.left_out["said twice"] += 1
                elif split == "train" and problem.id in heldout:
                    self.left_out["held out too"] += 1
                else:
                    seen.add(problem.id)
                    kept.append(problem)
            problems[:] = kept
        return self


def text_of(record: Record, *names: str) -> str:
    """The first of these fields that is a text; "" where none is."""
    return next((record[name] for name in names if isinstance(record.get(name), str)), "")
