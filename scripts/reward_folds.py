"""Cross-validate a reward model on one file of comparisons: `python scripts/reward_folds.py MODEL FILE OUT`.

For files too small for a held-out share to say much. Rows fall into folds by a hash of how their prompt begins (of a
transcript: all before the first answer), so that a conversation and its continuations are on one side. Each fold is
judged by `trivium reward`, trained on the others; arguments after `--` go to it. Folds that are done are not run again;
what is no comparison it counts, as always.
Pooled over all rows: accuracy (Wilson), a ruler that knows only length, and the difference, whose interval adds up the
folds' variances.

The figure of docs/reward.md: `… SMOLLM2 preferences.jsonl hh -- --where dataset=hh-rlhf-harmless-base-test
--set fit.optimizer.muon_lr=0.001 --set fit.optimizer.embed_lr=0.0005 --set fit.epochs=2`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

from trivium.bench.page import table
from trivium.evals.intervals import Z, proportion
from trivium.pages.figures import percent, points

FIRST_ANSWER = "\n\nAssistant:"
FIGURES = {"right": "accuracy", "length alone": "length_alone", "above length": "above_length"}


def main() -> None:
    """Split, judge each fold, pool, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("file", type=Path, help="JSON lines, unpacked")
    parser.add_argument("out", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    given, more = parser.parse_known_args()
    given.out.mkdir(parents=True, exist_ok=True)
    files = split(given.file, given.folds, given.out)
    more = [one for one in more if one != "--"]
    found = [judged(given.model, files, fold, given.out, more) for fold in range(given.folds)]
    rows = [[str(fold), *told(one)] for fold, one in enumerate(found)]
    print(*table(["fold", "pairs", *FIGURES], [*rows, ["all", *pooled(found)]]), sep="\n")


def split(file: Path, folds: int, out: Path) -> list[Path]:
    """Write the rows of each fold into a file of its own."""
    parts: list[list[str]] = [[] for _ in range(folds)]
    for line in filter(None, file.read_text(encoding="utf-8").split("\n")):  # not splitlines: texts hold other ends
        place = hashlib.sha256(opening(line).encode()).hexdigest()
        parts[int(place, 16) % folds].append(line)
    files = [out / f"rows-{i}.jsonl" for i in range(folds)]
    for path, lines in zip(files, parts, strict=True):
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return files


def opening(line: str) -> str:
    """How a row's conversation begins; the line itself where it is no comparison."""
    try:
        row = json.loads(line)
        begins = row.get("prompt") or row["chosen"]
    except (ValueError, AttributeError, KeyError):
        return line
    if isinstance(begins, str):
        return begins.partition(FIRST_ANSWER)[0]
    return json.dumps(begins[:1]) if isinstance(begins, list) else line


def judged(model: Path, files: list[Path], fold: int, out: Path, more: list[str]) -> dict[str, Any]:
    """What a reward model says of a fold after having learned from the others."""
    others = [str(file) for i, file in enumerate(files) if i != fold]
    command = [sys.executable, "-m", "trivium", "reward", str(model), "--comparisons", *others, "--test"]
    folder = out / f"judge-{fold}"
    if not (folder / "evals.json").is_file():
        subprocess.run([*command, str(files[fold]), "--out", str(folder), *more], check=True)
    evals: dict[str, Any] = json.loads((folder / "evals.json").read_text())
    return evals


def told(evals: dict[str, Any]) -> list[str]:
    """A fold's cells."""
    right, length, above = (evals[key] for key in FIGURES.values())
    return [f"{right['n']:,}", percent(right), percent(length), points(above)]


def pooled(found: list[dict[str, Any]]) -> list[str]:
    """All folds' cells."""
    counts = [one["accuracy"]["n"] for one in found]
    right, length = (
        proportion(sum(round(one[key]["value"] * one[key]["n"]) for one in found), sum(counts))
        for key in ("accuracy", "length_alone")
    )
    above = [one["above_length"] for one in found]
    widths = [n * (one["high"] - one["low"]) / (2 * Z) for n, one in zip(counts, above, strict=True)]
    value, half = right.value - length.value, Z * math.hypot(*widths) / sum(counts)
    difference = {"value": value, "low": value - half, "high": value + half}
    return [f"{sum(counts):,}", percent(vars(right)), percent(vars(length)), points(difference)]


if __name__ == "__main__":
    main()
