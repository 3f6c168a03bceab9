"""The page of an audit of any model: what it does with questions, what it knows, and how far its certainty tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

import trivium
from trivium.pages.charts import Bars, Line, Part, as_percent, bars, lines, stacks
from trivium.pages.figures import count, percent, plain
from trivium.pages.render import render, style

INKS = ("base", "sft", "rl", "audit", "reward", "tokenizer")
LABELS = {"highly-known": 1.0, "maybe-known": 0.75, "weakly-known": 0.5, "unknown": 0.2, "confidently-wrong": 0.0}
"""Label -> how dark it is drawn; the last is hatched."""
RATES = {
    "accuracy": "right, of what can be answered",
    "hallucination": "hallucination: wrong, of all",
    "abstained": "abstained, of all",
    "wrong_of_answered": "wrong, of answers given",
    "refusal_recall": "refusal recall, not known",
    "refusal_recall_unanswerable": "refusal recall, unanswerable",
    "over_refusal": "over-refusal, highly known",
    "refusal_precision": "refusal precision",
}
Summary = Mapping[str, Any]


def page(summary: Summary) -> str:
    """The page of a `summary.json`, complete in itself."""
    labels = [(name.replace("-", " "), count(number)) for name, number in summary["labels"].items()]
    by_source = summary["labels_by_source"]
    sure = summary["calibration"]
    return render(
        "audit.html",
        title=f"Audit · {summary['name']}",
        style=style(),
        version=trivium.__version__,
        s=summary,
        facts=[("probes", count(summary["probes"])), *labels],
        outcomes=outcome_chart(summary),
        outcome_head=["", *(one["name"] for one in summary["stages"])],
        outcome_rows=rate_rows(summary["stages"]),
        columns=[name for name, one in summary["columns"].items() if one["n"]],
        column_rows=column_rows(summary),
        labels=label_chart(summary),
        label_rows=[[name, *(count(row[label]) for label in LABELS)] for name, row in by_source.items()],
        label_names=list(LABELS),
        exposure=exposure_chart(summary),
        exposure_rows=exposure_rows(summary),
        calibration=calibration_chart(summary),
        calibration_rows=[(f"{row['agreement']:.2f}", percent(row["accuracy"])) for row in sure["rows"]],
        calibration_error=plain(sure["error"]),
        detector_rows=detector_rows(summary),
        dropped=sorted(summary["dropped"].items()),
    )


def rate_rows(stages: Sequence[Summary]) -> list[list[str]]:
    """Rows of the table of outcomes, a stage a column."""
    every = [one["columns"]["all"] for one in stages]
    rows = [[said, *(percent(one[name]) for one in every)] for name, said in RATES.items()]
    rows.append(["Refusal Index", *(plain(one["refusal_index"]) for one in every)])
    rows.append(["the same, refusals shuffled", *(plain(one["refusal_index"]["shuffled"]) for one in every)])
    return rows


def column_rows(summary: Summary) -> list[list[str]]:
    """Rows of the table of splits, a split a column."""
    every = [one for one in summary["columns"].values() if one["n"]]
    rows = [["questions", *(count(one["n"]) for one in every)]]
    rows += [[said, *(percent(one[name]) for one in every)] for name, said in RATES.items()]
    return [*rows, ["Refusal Index", *(plain(one["refusal_index"]) for one in every)]]


def detector_rows(summary: Summary) -> list[list[str]]:
    """Rows of the table of detectors: what tells a wrong answer, with and without the unanswerable."""
    both = summary["detectors"]
    names = list(both["answerable"])
    return [
        [name.replace("_", " "), *(plain(both[group].get(name)) for group in ("answerable", "all"))] for name in names
    ]


def exposure_rows(summary: Summary) -> list[list[str]]:
    """Rows behind the chart of exposure."""
    found = summary["exposure"]
    return [
        [row["bin"], count(row["hallucination"]["n"]), percent(row["right"]), percent(row["hallucination"])]
        for row in (found["rows"] if found else ())
    ]


def outcome_chart(summary: Summary) -> Markup:
    """Right, wrong and abstained, by stage."""
    groups = {"right": "accuracy", "wrong": "hallucination", "abstained": "abstained"}
    drawn = [
        Bars(one["name"], INKS[i % len(INKS)], [one["columns"]["all"][name] for name in groups.values()])
        for i, one in enumerate(summary["stages"])
    ]
    said = "; ".join(
        f"{o['name']}: {percent(o['columns']['all']['hallucination'], ends=False)} wrong" for o in summary["stages"]
    )
    return bars(list(groups), drawn, said)  # fmt: skip


def label_chart(summary: Summary) -> Markup:
    """The known map, by source."""
    rows = {name: row for name, row in summary["labels_by_source"].items() if sum(row.values())}
    parts = [Part(name.replace("-", " "), shade, [row[name] for row in rows.values()], hatched=not shade)
             for name, shade in LABELS.items()]  # fmt: skip
    said = "; ".join(f"{name}: {row['highly-known']} of {sum(row.values())} highly known" for name, row in rows.items())
    return stacks([name[:24] for name in rows], parts, "audit", said)


def exposure_chart(summary: Summary) -> Markup:
    """Hallucination by exposure, and the floor as a level."""
    found = summary["exposure"]
    if not found or not found["rows"]:
        return Markup("")
    rows = found["rows"]
    names = [row["bin"] for row in rows]
    drawn = []
    for name, ink in (("hallucination", "audit"), ("right", "base")):
        points = [(float(i), row[name]["value"]) for i, row in enumerate(rows)]
        band = [(float(i), row[name]["low"], row[name]["high"]) for i, row in enumerate(rows)]
        drawn.append(Line(name, ink, points, band, marks=True))
    levels = {"floor (Good–Turing)": found["floor"]} if found["floor"] is not None else {}
    said = "Hallucination by exposure: " + ", ".join(f"{row[0]} {row[3]}" for row in exposure_rows(summary))
    return lines(
        drawn, said, "times the corpus states the fact", "", as_percent, (0.0, 1.0), levels,
        x_form=lambda place: names[int(place)] if float(place).is_integer() and place < len(names) else "",
        x_about=max(len(rows) - 1, 1),
    )  # fmt: skip


def calibration_chart(summary: Summary) -> Markup:
    """Accuracy by agreement, and where the two would be equal."""
    rows = summary["calibration"]["rows"]
    points = [(row["agreement"], row["accuracy"]["value"]) for row in rows]
    band = [(row["agreement"], row["accuracy"]["low"], row["accuracy"]["high"]) for row in rows]
    even = Line("as sure as right", "report", [(0.0, 0.0), (1.0, 1.0)], dashed=True)
    drawn = [Line("greedy answers", "audit", points, band, marks=True), even]
    said = f"Accuracy by agreement; expected calibration error {plain(summary['calibration']['error'])}"
    return lines(drawn, said, "share of samples that agree", "right", as_percent, (0.0, 1.0))
