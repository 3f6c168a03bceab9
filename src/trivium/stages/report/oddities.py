"""Section 8: quirks. Which stage's model has which oddity, how often, and what the remedy leaves of it."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from trivium.pages.charts import Cell, HeatRow, heat
from trivium.pages.figures import percent
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.reading import Inputs, interval, json_of

TEMPLATE = "oddities.html"
ORDER = ("base", "sft", "rl")
TRANSCRIPTS = 2
MOST_CHARACTERS = 700


def section(inputs: Inputs, _config: ReportConfig) -> dict[str, Any] | None:
    """What the template shows; None when no model was tried."""
    batteries = {name: battery["quirks"] for name in ORDER
                 if (battery := json_of(inputs, f"quirks-{name}", "quirks.json")) is not None}  # fmt: skip
    if not batteries:
        return None
    names = list(dict.fromkeys(quirk["name"] for quirks in batteries.values() for quirk in quirks))
    found = {name: {model: next((q for q in quirks if q["name"] == name), None) for model, quirks in batteries.items()}
             for name in names}  # fmt: skip
    return {
        "models": list(batteries),
        "map": _map(found, list(batteries)),
        "rows": [[name, *(_in_words(quirk) for quirk in row.values())] for name, row in found.items()],
        "quirks": [_told(row) for row in found.values()],
    }


def _map(found: dict[str, dict[str, Any]], models: list[str]) -> Markup:
    rows = []
    for name, row in found.items():
        first = next(quirk for quirk in row.values() if quirk is not None)
        cells = [_cell(quirk) for quirk in row.values()]
        rows.append(HeatRow(name.replace("-", " "), f"from {first['stage']} · n = {first['n']}", cells))
    return heat(models, rows, "How often each oddity happens, by model, and with its remedy.")


def _cell(quirk: Any) -> Cell:
    rate, left = interval(quirk, "rate"), interval(quirk, "remedy", "rate")
    if rate is None:
        return Cell(None)
    note = "" if left is None else f"with remedy {percent(left, ends=False)}"
    return Cell(rate["value"], note, f"{percent(rate)}; {note}")


def _in_words(quirk: Any) -> str:
    return f"{percent(interval(quirk, 'rate'))} → {percent(interval(quirk, 'remedy', 'rate'))}"


def _told(row: dict[str, Any]) -> dict[str, Any]:
    first = next(quirk for quirk in row.values() if quirk is not None)
    said = [{"model": model, **{side: _cut(sample[side]) for side in ("plain", "mended")}}
            for model, quirk in row.items() if quirk is not None
            for sample in quirk["samples"][:TRANSCRIPTS]]  # fmt: skip
    return {"name": first["name"].replace("-", " "), "what": first["what"], "why": first["why"],
            "owner": first["stage"], "remedy": first["remedy"]["what"], "said": said}  # fmt: skip


def _cut(said: dict[str, Any]) -> dict[str, Any]:
    """A transcript's side, long prompts from their end (where the question is) and long replies from their start."""
    prompt, reply = said["prompt"], said["reply"]
    shown = "…" + prompt[-MOST_CHARACTERS:] if len(prompt) > MOST_CHARACTERS else prompt
    return {**said, "prompt": shown, "reply": reply[:MOST_CHARACTERS]}
