"""Section 6: the reward model. How often it picks the better answer, and what picking by it is worth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trivium.pages.charts import Line, lines
from trivium.pages.figures import percent, plain, short
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.effects import best_of, pair_accuracy
from trivium.stages.report.pretraining import loss_chart
from trivium.stages.report.reading import Inputs, deep, interval, json_of, lines_of, series

TEMPLATE = "preference.html"
SHOWN = 4


def section(inputs: Inputs, _config: ReportConfig) -> dict[str, Any] | None:
    """What the template shows; None without a reward model."""
    if "reward" not in inputs:
        return None
    evals = json_of(inputs, "reward", "evals.json") or {}
    rows, accuracy = best_of(evals), pair_accuracy(evals)
    losses = series(lines_of(inputs, "reward", "metrics.jsonl"), "loss")
    known = {"best_of", "best_of_n"}
    return {
        "numbers": [("comparisons decided rightly", percent(accuracy))] if accuracy else [],
        "loss": loss_chart([("", "reward", losses)], "Loss of the reward model by step.", "nats a comparison"),
        "best": _best_chart(rows),
        "best_rows": [[str(row["n"]), plain(row["gold"]), plain(interval(row, "proxy"))] for row in rows],
        "others": list(figures_in({key: value for key, value in evals.items() if key not in known})),
        "pairs": list(pairs(lines_of(inputs, "reward", "comparisons.jsonl", 200))),
    }


def _best_chart(rows: list[dict[str, Any]]) -> Any:
    gold = [(float(row["n"]), float(row["gold"]["value"])) for row in rows]
    band = [(float(row["n"]), float(row["gold"]["low"]), float(row["gold"]["high"])) for row in rows
            if row["gold"].get("low") is not None]  # fmt: skip
    proxy = [(float(row["n"]), float(row["proxy"]["value"])) for row in rows if interval(row, "proxy")]
    drawn = [Line("true score", "reward", gold, band=band, marks=True)]
    if proxy:
        drawn.append(Line("its own opinion", "reward", proxy, dashed=True))
    return lines(drawn, "Score of the best of n answers, true and as the reward model sees it.", "answers to pick from")


def figures_in(value: Any, name: str = "") -> Iterator[list[str]]:
    """Every figure in a JSON value as a row of its path and its text; lists and long texts are left out."""
    if isinstance(value, dict) and "value" in value and "n" in value:
        share = value["value"] is not None and 0 <= value["value"] <= 1
        yield [name, percent(value) if share else plain(value)]
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from figures_in(inner, f"{name} · {key}".strip(" ·").replace("_", " "))
    elif isinstance(value, int | float | bool) or (isinstance(value, str) and len(value) < 60):
        yield [name, short(value)]


def pairs(records: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    """Some comparisons as texts, from records that hold a prompt, a chosen and a rejected answer."""
    for record in records[:: max(1, len(records) // SHOWN)][:SHOWN]:
        texts = [
            _said(record, *names) for names in (("prompt", "question"), ("chosen", "better"), ("rejected", "worse"))
        ]
        if all(texts):
            yield dict(zip(("prompt", "chosen", "rejected"), texts, strict=True))


def _said(record: dict[str, Any], *names: str) -> str:
    """The text under the first of the names that is there; of messages, the last one's content."""
    value = next((record[name] for name in names if name in record), "")
    if isinstance(value, list) and value:
        value = value[-1]
    return str(deep(value, "content") if isinstance(value, dict) else value)
