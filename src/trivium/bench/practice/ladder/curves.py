"""The ladder's curves as data and as a drawing: what practice looked like at each look along the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from trivium.bench.practice.ladder.rungs import RUNGS
from trivium.bench.practice.ladder.standing import steps_of
from trivium.ground.atomic import write_atomic
from trivium.pages.charts import Line, as_percent, file_of, lines

COLUMNS = (
    "step", "heldout_accuracy", "pass_rate", "frac_reward_zero_std", "completions/mean_length", "tokens_right",
    "tokens_wrong", "entropy", "seconds",
)  # fmt: skip
INKS = ("base", "sft", "reward", "rl", "audit", "tokenizer", "quirks", "corpus")
"""Colours of the rungs, in their order."""


def write_curves(names: Sequence[str], folder: Path, out: Path) -> None:
    """`ladder.csv`, a line a look of each job, and `ladder.svg`, held-out accuracy by step."""
    found = {name: list(looks(folder / name)) for name in names}
    rows = [
        ",".join([name, *(_number(one.get(column)) for column in COLUMNS)])
        for name, some in found.items()
        for one in some
    ]
    write_atomic(out / "ladder.csv", ("\n".join([",".join(("rung", *COLUMNS)), *rows]) + "\n").encode())
    drawing = chart(found)
    if drawing:
        write_atomic(out / "ladder.svg", drawing.encode())


def looks(folder: Path) -> Iterator[dict[str, Any]]:
    """The steps of a job's practice that ended with a look at the held-out problems; rewards paid by a coin apart."""
    return (step for step in steps_of(folder, "rl") if "heldout_accuracy" in step)


def chart(found: dict[str, list[dict[str, Any]]]) -> str:
    """A line a seed, a colour a rung. A whole SVG file."""
    drawn = []
    for ink, rung in zip(INKS, RUNGS, strict=False):
        seeds = [_points(some) for name, some in found.items() if name.rpartition("-")[0] == rung and len(some) > 1]
        for number, points in enumerate(seeds):
            drawn.append(Line("" if number else rung, ink, points))
    return file_of(
        lines(
            drawn,
            "Held-out problems solved, by step of practice",
            "step",
            "solved",
            as_percent,
            (0.0, 1.0),
            height=320.0,
        )
    )


def _points(some: Sequence[dict[str, Any]]) -> list[tuple[float, float]]:
    return [(one["step"], one["heldout_accuracy"]) for one in some]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
