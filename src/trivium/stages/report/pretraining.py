"""Section 3: the base model. Its losses, its bits per byte beside Kneser-Ney's, what it says, what it recalls."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from trivium.pages.charts import Bars, Line, Points, bars, lines, smooth
from trivium.pages.figures import count, percent, plain
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.reading import Inputs, deep, interval, json_of, lines_of, series

TEMPLATE = "pretraining.html"


def section(inputs: Inputs, _config: ReportConfig) -> dict[str, Any] | None:
    """What the template shows; None without a base model."""
    if "base" not in inputs:
        return None
    metrics, web = (
        lines_of(inputs, "base", "metrics.jsonl"),
        deep(json_of(inputs, "base", "evals.json"), "heldout", "web"),
    )
    bins = deep(json_of(inputs, "audit-base", "summary.json"), "bins") or []
    facts = inputs["base"].manifest.get("facts", {})
    numbers = [(name, count(facts[key])) for name, key in (
        ("parameters", "parameters"), ("tokens read", "tokens"), ("steps", "steps"),
        ("tokens a second", "tokens_per_second")) if key in facts]  # fmt: skip
    return {
        "numbers": numbers,
        "against": [(name, plain(interval(web, key))) for name, key in (
            ("bits a byte, this model", "model_bits_per_byte"), ("Kneser-Ney", "kneser_ney_bits_per_byte"),
            ("margin, paired", "margin")) if interval(web, key)],
        "loss": loss_chart([("", "base", series(metrics, "loss"))], "Training loss of the base model by step."),
        "bits": _bits_chart(series(metrics, "heldout_bits_per_byte")),
        "recall": _recall_chart(bins),
        "recall_rows": [[b["bin"], count(b["n"]), percent(b.get("cloze")), percent(b.get("question")),
                         percent(b.get("guesser"), ends=False)] for b in bins],
        "samples": along_the_way(json_of(inputs, "base", "samples.json") or lines_of(inputs, "base", "samples.jsonl")),
    }  # fmt: skip


def loss_chart(drawn: list[tuple[str, str, Points]], said: str, y_name: str = "nats a token") -> Markup:
    """Losses by step: each (name, stage, points) thin, with its running mean thick."""
    shown = []
    for name, stage, points in drawn:
        window = max(1, len(points) // 25)
        shown.append(Line(name, stage, smooth(points, window)[window // 2 :], faint=points))
    return lines(shown, said, y_name=y_name)


def _bits_chart(points: Points) -> Markup:
    """Held-out bits per byte along the way, of the few documents that are measured then."""
    drawn = [Line("", "base", points, marks=True)]
    said = "Bits per byte of some held-out documents by step."
    return lines(drawn, said, y_name="bits a byte, some held-out pages", height=210)


def _recall_chart(bins: list[dict[str, Any]]) -> Markup:
    if not bins:
        return Markup("")
    drawn = [Bars("sentence completed", "base", [interval(b, "cloze") for b in bins]),
             Bars("question answered", "base", [interval(b, "question") for b in bins], pale=True)]  # fmt: skip
    guess = [deep(b, "guesser", "value") for b in bins]
    said = "Share of facts recalled by how often they were read: " + "; ".join(
        f"{b['bin']}: {percent(b.get('cloze'), ends=False)}" for b in bins)  # fmt: skip
    return bars([b["bin"] for b in bins], drawn, said, "times read in training", guess=guess, guess_name="guesser")


def along_the_way(samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Samples by prompt, each with its lines by step: the first, the last and two between."""
    found: dict[str, list[dict[str, Any]]] = {}
    for sample in samples:
        found.setdefault(sample["prompt"], []).append({"step": sample["step"], "text": sample["text"]})
    return [{"prompt": prompt, "lines": _some(said)} for prompt, said in found.items()]


def _some(rows: list[dict[str, Any]], most: int = 4) -> list[dict[str, Any]]:
    if len(rows) <= most:
        return rows
    return [rows[round(i * (len(rows) - 1) / (most - 1))] for i in range(most)]
