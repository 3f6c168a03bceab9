"""The page of an evaluation: tasks, bits per byte, learning from the prompt, and the other model, if there was one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

import trivium
from trivium.pages.charts import Line, as_percent, lines
from trivium.pages.figures import count, percent, plain, points, short
from trivium.pages.render import render, style

INKS = ("base", "sft", "rl", "audit", "tokenizer", "reward")


def page(summary: Mapping[str, Any]) -> str:
    """The page of a `summary.json`, complete in itself."""
    against = summary.get("against")
    return render(
        "eval.html",
        title=f"Evaluation · {summary['model']}",
        style=style(),
        version=trivium.__version__,
        mean=summary.get("mean_centred"),
        tasks=task_rows(summary),
        bits=bits_rows(summary),
        curves=[
            {"name": name, "chart": curve_chart(name, curve), "rows": curve_rows(curve), **curve}
            for name, curve in summary["in_context"].items()
        ],
        against=against,
        changed=change_rows(against["tasks"], 1) if against else [],
        changed_bits=change_rows(against["bits_per_byte"], 0) if against else [],
        skipped=[(one["of"], one["reason"], count(one["rows"])) for one in summary["skipped"]],
        cut=summary["contexts_cut"],
    )


def task_rows(summary: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Rows of the table of tasks: name, items, shots, accuracy, acc_norm, chance, centred accuracy."""
    return [
        (
            name,
            count(task["items"]),
            str(task["shots"]),
            percent(task["acc"]),
            percent(task["acc_norm"]),
            f"{100 * task['chance']:.0f} %",
            plain(task["centred"]),
        )
        for name, task in summary["tasks"].items()
    ]


def bits_rows(summary: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Rows of the table of sources: name, documents, bytes, bits per byte."""
    return [
        (name, count(one["bits_per_byte"]["n"]), count(one["bytes"]), plain(one["bits_per_byte"]))
        for name, one in summary["bits_per_byte"].items()
    ]


def curve_rows(curve: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Rows of a curve's table: shots, accuracy, with shuffled labels, the difference."""
    return [
        (str(row["shots"]), percent(row["accuracy"]), percent(row["shuffled"]), points(row["over_shuffled"]))
        for row in curve["rows"]
    ]


def change_rows(rows: list[dict[str, Any]], shares: int) -> list[tuple[str, ...]]:
    """Rows of a comparison: name, before, after, difference, verdict; shares as per cent, else plain figures."""
    return [
        (
            row["name"],
            as_percent(row["before"]) if shares else short(row["before"]),
            as_percent(row["after"]) if shares else short(row["after"]),
            points(row["difference"]) if shares else plain(row["difference"]),
            row["verdict"],
        )
        for row in rows
    ]


def curve_chart(name: str, curve: Mapping[str, Any], ink: str = INKS[0]) -> Markup:
    """Accuracy by number of shots with its band, the control with shuffled labels dashed, and chance as a level."""
    rows = curve["rows"]

    def band(key: str) -> list[tuple[float, float, float]]:
        return [(float(i), row[key]["low"], row[key]["high"]) for i, row in enumerate(rows)]

    def line(key: str) -> list[tuple[float, float]]:
        return [(float(i), row[key]["value"]) for i, row in enumerate(rows)]

    shots = [str(row["shots"]) for row in rows]
    return lines(
        [
            Line(name, ink, line("accuracy"), band("accuracy"), marks=True),
            Line("shuffled labels", "report", line("shuffled"), band("shuffled"), dashed=True, marks=True),
        ],
        f"Accuracy on {name} by number of shots: " + ", ".join(f"{row[0]} {row[1]}" for row in curve_rows(curve)),
        "shots",
        "accuracy",
        as_percent,
        (0.0, 1.0),
        {"chance": curve["chance"]},
        x_form=lambda place: shots[int(place)] if float(place).is_integer() and place < len(shots) else "",
        x_about=max(len(rows) - 1, 1),
    )
