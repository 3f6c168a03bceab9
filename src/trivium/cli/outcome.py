"""What a run ends with: the table of effects, where the report is, and what to try next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trivium.ground.artifact import Artifact
from trivium.journey.headline import figure
from trivium.journey.run import Result

MOST_REASONS = 3
COLUMNS = ("stage", "effect", "before", "after", "target", "met")


def effects_table(report: Artifact) -> list[str]:
    """What each stage changed, as lines of a table; nothing when the report holds no effects."""
    rows = report.json("effects.json") if report.has("effects.json") else []
    if not rows:
        return []
    return ["", "What each stage changed", *table(COLUMNS, [[_cell(row.get(key)) for key in COLUMNS] for row in rows])]


def funnel_table(selected: Artifact) -> list[str]:
    """What each layer left of the documents, and the reason that took most, as lines of a table."""
    lines = []
    for source in selected.json("funnel.json")["sources"]:
        rows = []
        for layer in source["layers"]:
            reasons = sorted(layer["dropped"].items(), key=lambda item: (-item[1], item[0]))
            told = ", ".join(f"{reason.replace('_', ' ')} {figure(count)}" for reason, count in reasons[:MOST_REASONS])
            more = "" if len(reasons) <= MOST_REASONS else f", {len(reasons) - MOST_REASONS} more reasons"
            rows.append([layer["name"].replace("_", " "), figure(layer["in"]), figure(layer["out"]), told + more])
        lines += ["", f"Documents of {source['source']}", *table(("layer", "in", "out", "dropped"), rows)]
    return lines


def forgetting_table(forgetting: Artifact) -> list[str]:
    """Bits per byte before and after, of new documents and of general ones, as lines of a table."""
    rows = [
        [source, *(_interval(row[key], form) for key, form in (("before", ".3f"), ("after", ".3f"), ("saved", "+.3f")))]
        for source, row in forgetting.json("forgetting.json").items()
    ]
    head = ("bits per byte of", "before", "after", "saved (below zero: forgotten)")
    return ["", "What it learned, and what it forgot", *table(head, rows)]


def conversations_table(conversations: Artifact) -> list[str]:
    """What became of each file's rows, the first bad ones named, as lines."""
    rows, named = [], []
    for one in conversations.json("account.json")["sources"]:
        told = ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in one["dropped"].items())
        counts = [f"{one[key]:,}" for key in ("read", "kept", "heldout")]
        rows.append([one["source"], f"{one['weight']:g}", *counts, told])
        named += [f"  {line}" for line in one["named"]]
    head = ("conversations of", "an epoch", "read", "kept", "of these held out", "dropped")
    return ["", *table(head, rows), *(["", "Rows that are no conversation, the first:", *named] if named else [])]


def losses_table(model: Artifact) -> list[str]:
    """The loss on held-out conversations before and after, by source, and what did not fit, as lines."""
    evals = model.json("evals.json")
    if "train" not in evals:
        return []
    rows = [[name, f"{one['before']:.3f}", f"{one['after']:.3f}"] for name, one in evals["heldout_loss"].items()]
    lines = ["", *table(("held-out loss of", "before", "after"), rows)] if rows else []
    gone = {key: count for key, count in evals["train"]["counts"].items() if key not in ("read", "taken", "whole")}
    if gone:
        told = ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in gone.items())
        lines += ["", f"Of {evals['train']['counts']['read']:,} conversations to learn: {told}. The first:"]
        lines += [f"  {line}" for line in evals["train"]["named"]]
    return lines


def manners_table(manners: Artifact) -> list[str]:
    """How the assistants behave, one a column, as lines."""
    found = manners.json("manners.json")
    columns = [*found["models"], *(["difference"] if len(found["models"]) > 1 else [])]
    rows = []
    for measure in found["order"]:
        row, share = found["table"][measure], not measure.startswith("words")
        rows.append([measure, *(_share(row[name]) if share else _interval(row[name], ".1f") for name in columns)])
    return ["", "How they behave, asked what no lesson asked", *table(("", *columns), rows)]


def controls_table(controls: Artifact) -> list[str]:
    """What stands beside the result of practice, as lines of a table."""
    rows = []
    for row in controls.json("controls.json")["rows"]:
        above = "" if row["control"] == "practice" else _points(row["practice_above"])
        rows.append([row["control"], _share(row["accuracy"]), above, f"{row['tokens']:,.0f}"])
    head = ("held-out problems", "solved", "practice is above by", "tokens")
    return ["", "Practice and its controls", *table(head, rows)]


def practice_table(rl: Artifact) -> list[str]:
    """Before and after practice, with pass@k, thinking and tools where these were measured, as lines of a table."""
    evals = rl.json("evals.json")
    held = evals["heldout"]
    rows = [["one answer", _share(held["warm"]), _share(held["rl"]), _points(held["gain"])]]
    passes = evals.get("pass_at_k", {})
    for k, gained in passes.get("gain", {}).items():
        rows.append([f"pass@{k}", _share(passes["before"][k]), _share(passes["after"][k]), _points(gained)])
    for name, told in (("think", "thinking"), ("tools", "tools")):
        found = evals.get(name, {})
        found = found.get("after", {}) if name == "tools" else found
        if found:
            rows.append(
                [f"without → with {told}", _share(found["without"]), _share(found["with"]), _points(found["gain"])]
            )
    return ["", f"Practice: {', '.join(evals['tasks'])}", *table(("", "before", "after", "difference"), rows)]


def thinking_table(thinking: Artifact) -> list[str]:
    """Accuracy against tokens, faithfulness and the twin, as lines of tables."""
    found = thinking.json("thinking.json")
    rows = [[way["way"], _share(way["accuracy"]), f"{way['tokens']:,.0f}"] for way in found["ways"]]
    if "twin" in found:
        rows.append(
            ["a twin taught direct answers", _share(found["twin"]["accuracy"]), f"{found['twin']['tokens']:,.0f}"]
        )
    lines = ["", "Thinking: accuracy against tokens", *table(("thought", "solved", "tokens"), rows)]
    rows = [[row["thought"], _share(row["accuracy"]), _points(row["cost"])] for row in found["faithfulness"]["rows"]]
    if rows:
        lines += ["", "Does the answer follow from the thought?", *table(("thought read", "solved", "cost"), rows)]
    rows = [[row["task"], _points(row["gain_before"]), _points(row["gain_after"]), _points(row["practice_gained"])]
            for row in found["transfer"]]  # fmt: skip
    if rows:
        head = ("never rewarded", "thinking's gain before", "after", "practice gained")
        lines += ["", "Transfer", *table(head, rows)]
    return lines


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a plain table with a header, each column as wide as its widest cell."""
    widths = [max(len(line[i]) for line in [columns, *rows]) for i in range(len(columns))]
    lines = [columns, ["─" * width for width in widths], *rows]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def ending(out: Path, artifacts: Mapping[str, Artifact]) -> list[str]:
    """The lines after a run's headlines."""
    lines: list[str] = []
    report = artifacts.get("report")
    models = [name for name, artifact in artifacts.items() if artifact.kind == "model"]
    if "selected" in artifacts:
        lines += [] if models else funnel_table(artifacts["selected"])
        lines += [f"Note: {said}" for said in artifacts["selected"].json("funnel.json").get("advice", [])]
    if "forgetting" in artifacts:
        lines += forgetting_table(artifacts["forgetting"])
    for name, artifact in artifacts.items():
        lines += conversations_table(artifact) if artifact.kind == "conversations" else []
        lines += losses_table(artifact) if name.partition("-")[0] == "sft" and artifact.kind == "model" else []
    lines += manners_table(artifacts["manners"]) if "manners" in artifacts else []
    for kind, shown in (("practice", practice_table), ("controls", controls_table), ("thinking", thinking_table)):
        name = "rl" if kind == "practice" and "start" in artifacts else kind
        if name in artifacts:
            lines += shown(artifacts[name])
    if report is not None:
        lines += effects_table(report)
        if report.has("report.html"):
            lines += ["", f"Report: {report.file('report.html')}"]
    if models:
        lines += ["", "Try:"]
        if set(models) - {"base"}:
            lines.append(f"  trivium chat {out}")
        if "base" in models:
            lines.append(f'  trivium complete {out} --stage base "Once a year, the town"')
    return lines


def as_json(out: Path, about: Mapping[str, Any], result: Result) -> dict[str, Any]:
    """The same for programs."""
    report = result.artifacts.get("report")
    return {
        "out": str(out),
        **about,
        "ran": result.ran,
        "seconds": round(result.seconds, 3),
        "artifacts": {
            name: {
                "path": str(artifact.path),
                "id": artifact.id,
                "kind": artifact.kind,
                "facts": artifact.manifest["facts"],
            }
            for name, artifact in result.artifacts.items()
        },
        "effects": report.json("effects.json") if report is not None and report.has("effects.json") else [],
        "report": str(report.file("report.html")) if report is not None and report.has("report.html") else None,
    }


def _share(value: Mapping[str, float | None]) -> str:
    if value["value"] is None:
        return "nothing asked"
    middle, low, high = (100 * (value[key] or 0.0) for key in ("value", "low", "high"))
    return f"{middle:.1f} % [{low:.1f}, {high:.1f}]"


def _interval(value: Mapping[str, float], form: str) -> str:
    return f"{value['value']:{form}} [{value['low']:{form}}, {value['high']:{form}}]"


def _points(value: Mapping[str, float]) -> str:
    return f"{100 * value['value']:+.1f} [{100 * value['low']:+.1f}, {100 * value['high']:+.1f}]"


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return figure(value) if isinstance(value, int | float) else str(value)
