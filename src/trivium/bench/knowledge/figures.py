"""What the town's audits come to: groups of people, rates with intervals, the curve by exposure, and how it is told."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from trivium.bench.page import machine, table
from trivium.evals.intervals import proportion
from trivium.evals.knowledge.mapping import Record
from trivium.evals.knowledge.measures import EXPOSURES, change, rates
from trivium.ground.atomic import write_atomic
from trivium.pages.charts import Line, as_percent, file_of, lines
from trivium.pages.figures import percent, plain, points
from trivium.town.world import Town

Seeds = Mapping[int, Mapping[str, Any]]
SIDES = {
    "taught": ("train", "stranger"), "new people": ("test", "recombined"), "disjoint names": ("test", "disjoint"),
    "recombined only": ("recombined",), "disjoint only": ("disjoint",),
    "nobody taught": ("test", "recombined", "disjoint"),
}  # fmt: skip
"""Sides of the split, as kinds of people. The first is asked in words that no lesson used, about people who were."""
WITH_PAGES = ("train", "test", "once")
INKS = {"base": "base", "plain": "reward", "sft": "sft"}
NAMES = {"base": "base model, made to answer", "plain": "SFT without refusals", "sft": "SFT with refusals"}


def seed_figures(records: Mapping[str, Mapping[str, Record]], stated: Mapping[str, int], town: Town) -> dict[str, Any]:
    """One seed: rates of each model on each side, outcomes by exposure, and the floor."""
    base = records["base"]
    sides = {
        name: {side: {"n": len(group), **rates(group, base)} for side, kinds in SIDES.items()
               if (group := [r for r in some.values() if r.probe.pool in kinds])}
        for name, some in records.items() if name != "base"
    }  # fmt: skip
    nobody = [id for id, one in base.items() if one.probe.pool in SIDES["nobody taught"]]
    counts = [stated.get(f"{p.id}/{a}", 0) for p in town.people for a in p.facts]
    seen = [count for count in counts if count]
    return {
        "sides": sides,
        "change": {name: change([records["plain"][id] for id in nobody], [records[name][id] for id in nobody])
                   for name in ("sft", "shuffled")},
        "curve": {name: by_count(list(some.values())) for name, some in records.items() if name in INKS},
        "floor": {"facts": len(seen), "statements": sum(seen), "once": seen.count(1),
                  "of_facts": seen.count(1) / max(len(seen), 1), "of_statements": seen.count(1) / max(sum(seen), 1)},
    }  # fmt: skip


def by_count(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Outcomes about people who have pages, by how often the corpus states the fact."""
    rows = []
    for low, high in EXPOSURES:
        inside = [r for r in records if r.probe.pool in WITH_PAGES and low <= (r.probe.exposure or 0)
                  and (high is None or (r.probe.exposure or 0) <= high)]  # fmt: skip
        if inside:
            told = {name: sum(r.outcome == name for r in inside) for name in ("right", "wrong", "refused")}
            rows.append({"low": low, "high": high, "n": len(inside), **told})
    return rows


def town_section(found: Seeds, command: str) -> str:
    """The section of the documentation."""
    seeds = list(found)
    head = [f"seed {seed}" for seed in seeds]
    parts = [
        "## Refusals in the town, and hallucination by exposure",
        f"`{command}`, {date.today().isoformat()}, {_where()}, Python {platform.python_version()}. Intervals: 95 %.",
        "\n".join(table(["figure", *head], [
            [name, *(say(found[seed]) for seed in seeds)] for name, say in ROWS.items()
        ])),
        "\n".join(table(["base model: AUROC of a wrong answer", *head], [
            [key.replace("_", " "), *(plain(found[seed]["detectors"]["answerable"].get(key)) for seed in seeds)]
            for key in ("agreement", "entropy", "surprise", "length", "agreement_over_length", "entropy_over_length",
                        "shuffled")
        ])),
        "Hallucination by how often the corpus states the fact, all seeds together (`audit-exposure.csv` has each):",
        "\n".join(table(["statements", "facts", *NAMES.values()], curve_rows(found))),
        "Floor: " + "; ".join(
            f"seed {seed}: {f['once']:,} of {f['facts']:,} facts are stated once ({as_percent(f['of_facts'])}; "
            f"{100 * f['of_statements']:.1f} % of all statements)" for seed, f in
            ((seed, found[seed]["floor"]) for seed in seeds)) + ".",
    ]  # fmt: skip
    return "\n\n".join(parts)


def _where() -> str:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else machine()


def _of(model: str, side: str, name: str) -> Callable[[Mapping[str, Any]], str]:
    def say(one: Mapping[str, Any]) -> str:
        figure = one["sides"][model].get(side, {}).get(name)
        told = plain(figure) if name == "refusal_index" else percent(figure)
        if name == "refusal_index" and figure:
            told += f"; refusals dealt anew {plain(figure['shuffled'])}"
        return f"{told}, n {figure['n']:,}" if figure and figure.get("n") is not None else told

    return say


def _rows() -> dict[str, Callable[[Mapping[str, Any]], str]]:
    rows: dict[str, Callable[[Mapping[str, Any]], str]] = {}
    for model, named in (("sft", "refusals"), ("plain", "no refusals"), ("shuffled", "dealt blindly")):
        rows[f"{named}: refused, never written about, recombined names"] = _of(
            model, "recombined only", "refusal_recall_unanswerable"
        )
        rows[f"{named}: refused, names of a disjoint pool"] = _of(model, "disjoint only", "refusal_recall_unanswerable")
        rows[f"{named}: refused, highly known, people not taught about"] = _of(model, "new people", "over_refusal")
        rows[f"{named}: refused, written but not known, not taught about"] = _of(model, "new people", "refusal_recall")
        for side in ("taught", "new people", "disjoint names"):
            rows[f"{named}: Refusal Index, {side}"] = _of(model, side, "refusal_index")
        rows[f"{named}: hallucination, nobody taught"] = _of(model, "nobody taught", "hallucination")
        rows[f"{named}: right, of the answerable, people not taught about"] = _of(model, "new people", "accuracy")
        rows[f"{named}: right refusals of all, people not taught about"] = _of(model, "new people", "refusal_precision")
    for model, named in (("sft", "refusals"), ("shuffled", "dealt blindly")):
        rows[f"{named} against none, nobody taught: hallucination, quotient"] = partial(
            _changed, model, "hallucination"
        )
        rows[f"{named} against none, nobody taught: accuracy"] = partial(_changed, model, "accuracy")
    return rows


def _changed(model: str, name: str, one: Mapping[str, Any]) -> str:
    figure = one["change"][model][name]
    return points(figure) if name == "accuracy" else plain(figure)


ROWS = _rows()


def pooled(found: Seeds, model: str) -> list[dict[str, Any]]:
    """The curve of a model over all seeds, with Wilson's interval and each seed's share."""
    rows = []
    for low, high in EXPOSURES:
        same = [r for one in found.values() for r in one["curve"].get(model, ()) if r["low"] == low]
        if same:
            n, wrong = sum(r["n"] for r in same), sum(r["wrong"] for r in same)
            apart = [r["wrong"] / r["n"] for r in same]
            rows.append({"low": low, "high": high, "n": n, "hallucination": proportion(wrong, n).to_json(),
                         "apart": apart, "mean_exposure": statistics.mean((low, high or low))})  # fmt: skip
    return rows


def curve_rows(found: Seeds) -> list[list[str]]:
    """A row for each count: facts, and the share of wrong answers of each model."""
    curves = {model: {row["low"]: row for row in pooled(found, model)} for model in INKS}
    return [
        [_bin(low, high), f"{first['n']:,}",
         *(percent(curves[model].get(low, {}).get("hallucination")) for model in INKS)]
        for low, high in EXPOSURES
        if (first := next((curve[low] for curve in curves.values() if low in curve), None))
    ]  # fmt: skip


def _bin(low: int, high: int | None) -> str:
    return f"{low}+" if high is None else str(low) if low == high else f"{low}-{high}"


def write_curve(found: Seeds, out: Path) -> None:
    """`audit-exposure.csv`, a line a seed, model and count, and `audit-exposure.svg`, all seeds together."""
    head = "seed,model,low,high,facts,right,wrong,refused,stated_once,facts_stated,statements"
    rows = [
        f"{seed},{model},{r['low']},{'' if r['high'] is None else r['high']},{r['n']},{r['right']},{r['wrong']},"
        f"{r['refused']},{one['floor']['once']},{one['floor']['facts']},{one['floor']['statements']}"
        for seed, one in found.items() for model, curve in one["curve"].items() for r in curve
    ]  # fmt: skip
    write_atomic(out / "audit-exposure.csv", ("\n".join([head, *rows]) + "\n").encode())
    drawing = chart(found)
    if drawing:
        write_atomic(out / "audit-exposure.svg", drawing.encode())


def chart(found: Seeds) -> str:
    """Hallucination by exposure, a line a model with its interval; the floor dashed. A whole SVG file."""
    places = [_bin(low, high) for low, high in EXPOSURES]
    drawn = []
    for model, ink in INKS.items():
        rows = pooled(found, model)
        at = [(float([low for low, _ in EXPOSURES].index(row["low"])), row["hallucination"]) for row in rows]
        points = [(x, figure["value"]) for x, figure in at]
        band = [(x, figure["low"], figure["high"]) for x, figure in at]
        drawn.append(Line(NAMES[model], ink, points, band, marks=True))
    floors = [one["floor"]["of_facts"] for one in found.values()]
    levels = {"facts stated once": statistics.mean(floors)} if floors else {}
    said = "Wrong answers by how often the corpus states the fact"
    return file_of(lines(drawn, said, "statements in the corpus", "wrong", as_percent, (0.0, 1.0), levels, 300.0,
                         lambda x: places[round(x)] if 0 <= x < len(places) else "", len(places)))  # fmt: skip
