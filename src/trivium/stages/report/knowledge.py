"""Section 4: the audit. What the base model knows, and what the chat models invent, refuse and get right."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from trivium.pages.charts import Bars, Part, bars, stacks
from trivium.pages.figures import count, percent
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.reading import Inputs, deep, interval, json_of, lines_of

TEMPLATE = "knowledge.html"
CHATS = ("plain", "sft", "rl")
LABELS = {"known": 1.0, "weak": 0.6, "unknown": 0.25, "confidently-wrong": 0.0}
"""Label -> how dark it is drawn; the last is hatched."""
MANNERS = {
    "invented, never written": ("invented",),
    "refused, well known": ("well_known", "test", "refused"),
    "right, well known": ("well_known", "test", "right"),
}
SHOWN = 4


def section(inputs: Inputs, _config: ReportConfig) -> dict[str, Any] | None:
    """What the template shows; None when no model was audited."""
    base = json_of(inputs, "audit-base", "summary.json")
    chats = {name: summary for name in CHATS
             if (summary := json_of(inputs, f"audit-{name}", "summary.json")) is not None}  # fmt: skip
    if base is None and not chats:
        return None
    counted = labels_by_bin(lines_of(inputs, "audit-base", "map.jsonl"), deep(base, "bins") or [])
    models = list(chats)
    return {
        "numbers": _numbers(base),
        "labels": _labels_chart(counted),
        "label_names": list(LABELS),
        "label_rows": [[name, *(count(row[label]) for label in LABELS)] for name, row in counted.items()],
        "manners": _manners_chart(chats),
        "models": models,
        "manner_rows": [
            [name, *(percent(interval(chats[m], *keys)) for m in models)] for name, keys in MANNERS.items()
        ],
        "hallucinated": _hallucinated_chart(chats),
        "replies": same_questions({name: lines_of(inputs, f"audit-{name}", "map.jsonl") for name in models}),
    }


def _numbers(base: Any) -> list[tuple[str, str]]:
    if base is None:
        return []
    found = [("facts asked about", count(base["probes"]))]
    found += [(label.replace("-", " "), count(deep(base, "labels", label))) for label in LABELS]
    return [*found, ("refusals written", count(deep(base, "refusal_set", "refusal")))]


def labels_by_bin(records: list[dict[str, Any]], bins: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Exposure bin -> label -> how many facts; bins without a fact are left out."""
    found: dict[str, dict[str, int]] = {}
    for row in bins:
        inside = [r["label"] for r in records
                  if r["exposure"] >= row["low"] and (row["high"] is None or r["exposure"] <= row["high"])]  # fmt: skip
        if inside:
            found[row["bin"]] = {label: inside.count(label) for label in LABELS}
    return found


def _labels_chart(counted: dict[str, dict[str, int]]) -> Markup:
    if not counted:
        return Markup("")
    parts = [Part(label.replace("-", " "), shade, [row[label] for row in counted.values()], hatched=not shade)
             for label, shade in LABELS.items()]  # fmt: skip
    said = "Labels of facts by how often they were read: " + "; ".join(
        f"{name}: {row['known']} of {sum(row.values())} known" for name, row in counted.items())  # fmt: skip
    return stacks(list(counted), parts, "audit", said, "times read in training")


def _manners_chart(chats: dict[str, Any]) -> Markup:
    if not chats:
        return Markup("")
    drawn = [
        Bars(name, name, [interval(summary, *keys) for keys in MANNERS.values()]) for name, summary in chats.items()
    ]
    said = "; ".join(f"{name}: invented {percent(interval(summary, 'invented'), ends=False)}"
                     for name, summary in chats.items())  # fmt: skip
    return bars(list(MANNERS), drawn, said)


def _hallucinated_chart(chats: dict[str, Any]) -> Markup:
    every = [deep(summary, "bins") or [] for summary in chats.values()]
    if not any(every):
        return Markup("")
    names = [row["bin"] for row in next(filter(None, every))]
    drawn = [Bars(model, model, [interval(row, "hallucinated") for row in rows])
             for model, rows in zip(chats, every, strict=True) if len(rows) == len(names)]  # fmt: skip
    return bars(names, drawn, "False answers by exposure, for each chat model.", "times read in training")


def same_questions(maps: dict[str, list[dict[str, Any]]], most: int = SHOWN) -> list[dict[str, Any]]:
    """Up to `most` questions with every model's reply, twice: about people never written about, and well-read facts."""
    asked: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = {}
    for model, records in maps.items():
        for record in records:
            asked.setdefault((record["person"], record["attribute"]), []).append((model, record))
    answered = [said for said in asked.values() if len(said) == len(maps)]
    ghosts = [said for said in answered if said[0][1]["group"] == "ghost"]
    known = [said for said in answered if said[0][1]["exposure"] >= 32 and said[0][1]["split"] == "test"]
    return [_asked(said) for some in (ghosts, known) for said in some[:: max(1, len(some) // most)][:most]]


def _asked(said: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    first = said[0][1]
    truth = "never written about" if first["group"] == "ghost" else f"read {first['exposure']} times: {first['value']}"
    replies = [(model, *_reply(record)) for model, record in said]
    return {"question": replies[0][1], "truth": truth,
            "said": [{"model": m, "reply": reply, "verdict": verdict} for m, _, reply, verdict in replies]}  # fmt: skip


def _reply(record: dict[str, Any]) -> tuple[str, str, str]:
    """Question, reply and verdict of a line of an audit's map, a base model's or a chat model's."""
    if isinstance(record["question"], str):
        return record["question"], record["reply"], record["verdict"]
    asked = record["question"]
    return asked["text"], asked["answer"].strip(), asked["verdict"]
