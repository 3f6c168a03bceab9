"""Section 7: RL. The warm start's ladder, rates along the way, the exam, and answers side by side with rewards."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from trivium.ground.artifact import Artifact
from trivium.ground.log import read_jsonl
from trivium.pages.charts import Bars, Line, as_percent, bars, lines, smooth
from trivium.pages.figures import count, percent, points, short
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.reading import Inputs, deep, interval, json_of, lines_of, series

TEMPLATE = "practice.html"
MOST_CHARACTERS = 900
COLUMNS = ("step", "problem_id", "question", "answer", "thinking", "text", "correct", "reward", "advantage", "finish")


def section(inputs: Inputs, config: ReportConfig) -> dict[str, Any] | None:
    """What the template shows; None when neither the warm start nor RL has been."""
    if "rl" not in inputs and "warm" not in inputs:
        return None
    evals = json_of(inputs, "rl", "evals.json") or {}
    warm = json_of(inputs, "warm", "evals.json") or evals
    metrics = [line for line in lines_of(inputs, "rl", "metrics.jsonl") if not line.get("skipped")]
    numbers = [("held-out gain", points(interval(evals, "heldout", "gain"))),
               ("thinking is worth", points(interval(evals, "think", "gain")))] if evals else []  # fmt: skip
    log = deep(warm, "warmup_log") or []
    exam = _exam(evals)
    return {
        "task": warm.get("task"),
        "level": warm.get("level"),
        "numbers": numbers,
        "ladder": [[short(line["step"]), str(line["level"]), as_percent(line["pass_at_1"]), line["move"]]
                   for line in log],
        "rates": _rates_chart(metrics),
        "tokens": _running([("", "answer_tokens", False)], metrics, "Tokens an answer by step.", "tokens"),
        "entropy": _running([("entropy", "entropy", False), ("groups without signal", "groups_without_signal", True)],
                            metrics, "Entropy and groups without signal by step.", ""),
        "exam": _exam_chart(exam),
        "exam_rows": [[name, *(percent(figure) for figure in row)] for name, row in exam.items()],
        "rollouts": side_by_side(group_of(inputs), config.rollouts),
        "lengths": _running([("right", "tokens_right", False), ("wrong", "tokens_wrong", True)],
                            metrics, "Tokens of right and of wrong answers by step.", "tokens"),
        "passes": _passes(evals),
        "controls": _controls(json_of(inputs, "controls", "controls.json")),
        **_thinking(json_of(inputs, "thinking", "thinking.json")),
    }  # fmt: skip


def _rates_chart(metrics: list[dict[str, Any]]) -> Markup:
    rate, held = series(metrics, "pass_rate"), series(metrics, "heldout_accuracy")
    window = max(1, len(rate) // 15)
    practice = Line("practice", "rl", smooth(rate, window), faint=rate, dashed=True)
    drawn = [practice, Line("held out", "rl", held, marks=True)]
    shown = [line for line in drawn if line.points]
    return lines(shown, "Share of problems solved by step, in practice and held out.", y_form=as_percent,
                 y_range=(0.0, 1.0), y_name="solved")  # fmt: skip


def _running(wanted: list[tuple[str, str, bool]], metrics: list[dict[str, Any]], said: str, y_name: str) -> Markup:
    drawn = []
    for name, key, dashed in wanted:
        found = series(metrics, key)
        if found:
            drawn.append(Line(name, "rl", smooth(found, max(1, len(found) // 15)), dashed=dashed))
    return lines(drawn, said, y_name=y_name, height=190)


def _controls(found: Any) -> list[list[str]]:
    """What stands beside practice: its accuracy, how far practice is above it, and tokens an answer."""
    rows = []
    for row in deep(found, "rows") or []:
        above = "" if row["control"] == "practice" else points(row["practice_above"])
        rows.append([row["control"], percent(row["accuracy"]), above, count(round(row["tokens"]))])
    return rows


def _passes(evals: Any) -> list[list[str]]:
    """Pass@k before and after, and the gain; nothing where it was not measured."""
    found = deep(evals, "pass_at_k") or {}
    return [[f"pass@{k}", percent(found["before"][k]), percent(found["after"][k]), points(gain)]
            for k, gain in found.get("gain", {}).items()]  # fmt: skip


def _thinking(found: Any) -> dict[str, list[list[str]]]:
    """Accuracy against tokens, and what other thoughts cost."""
    ways = [[way["way"], percent(way["accuracy"]), count(round(way["tokens"]))] for way in deep(found, "ways") or []]
    if twin := deep(found, "twin"):
        ways.append(["a twin taught direct answers", percent(twin["accuracy"]), count(round(twin["tokens"]))])
    thoughts = deep(found, "faithfulness", "rows") or []
    return {
        "ways": ways,
        "thoughts": [[row["thought"], percent(row["accuracy"]), points(row["cost"])] for row in thoughts],
    }


def _exam(evals: Any) -> dict[str, list[dict[str, Any] | None]]:
    """Row name -> accuracy without thinking and with it; empty before RL."""
    if interval(evals, "heldout", "rl") is None:
        return {}
    return {"warm start": [interval(evals, "think", "without_before"), interval(evals, "heldout", "warm")],
            "after practice": [interval(evals, "think", "without"), interval(evals, "heldout", "rl")]}  # fmt: skip


def _exam_chart(exam: dict[str, list[dict[str, Any] | None]]) -> Markup:
    if not exam:
        return Markup("")
    drawn = [Bars("without thinking", "rl", [row[0] for row in exam.values()], pale=True),
             Bars("with thinking", "rl", [row[1] for row in exam.values()])]  # fmt: skip
    said = "; ".join(f"{name}: {percent(row[0], ends=False)} without thinking, {percent(row[1], ends=False)} with"
                     for name, row in exam.items())  # fmt: skip
    return bars(list(exam), drawn, said, height=230)


def group_of(inputs: Inputs) -> list[dict[str, Any]]:
    """The rollouts of one problem at one step: a group that is as divided as can be, as early as can be."""
    groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for row in _rollouts(inputs["rl"]) if "rl" in inputs else ():
        groups.setdefault((row["step"], row["problem_id"]), []).append(row)
    if not groups:
        return []
    return min(
        groups.values(),
        key=lambda rows: (abs(sum(bool(r["correct"]) for r in rows) / len(rows) - 0.5), rows[0]["step"]),
    )


def _rollouts(rl: Artifact) -> list[dict[str, Any]]:
    """All rollouts: of a finished run from its Parquet file, of an unfinished one from the files of its steps."""
    if not rl.has("rollouts.parquet"):
        steps = [name for name in rl.manifest["files"] if name.startswith("rollouts/step-")]
        rows = [row for name in steps for row in read_jsonl(rl.file(name))]
        return [{**row, "tokens": len(row["ids"])} for row in rows]
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    file = rl.file("rollouts.parquet")
    more = ["parts"] if "parts" in pq.read_schema(file).names else []  # older runs have none
    table = pq.read_table(file, columns=[*COLUMNS, *more, "ids"])
    rows = table.set_column(table.num_columns - 1, "tokens", pc.list_value_length(table["ids"])).to_pylist()
    return rows


def side_by_side(group: list[dict[str, Any]], most: int) -> dict[str, Any] | None:
    """A group for the page: answers rewarded and not in turn, different ones first. None without a group."""
    if not group:
        return None
    seen: set[tuple[str, str]] = set()
    fresh: list[dict[str, Any]] = []
    again: list[dict[str, Any]] = []
    for row in group:
        (again if (said := (row["thinking"], row["text"])) in seen else fresh).append(row)
        seen.add(said)
    good, bad = ([row for row in [*fresh, *again] if (row["reward"] > 0) is wanted] for wanted in (True, False))
    turns = [row for i in range(max(len(good), len(bad))) for side in (good, bad) for row in side[i : i + 1]]
    first, right = group[0], sum(bool(row["correct"]) for row in group)
    about = {"question": first["question"], "answer": first["answer"], "step": count(first["step"])}
    return {**about, "of": len(group), "right": right, "answers": [_card(row) for row in turns[:most]]}


def _parts(row: dict[str, Any]) -> str:
    """What a reward is made of, where that is more than one thing."""
    parts = dict(row.get("parts") or {})
    return f" ({', '.join(f'{name} {value:+.2f}' for name, value in parts.items())})" if len(parts) > 1 else ""


def _card(row: dict[str, Any]) -> dict[str, str]:
    note = ", cut off" if row["finish"] == "length" else ""
    said = {name: row[name][:MOST_CHARACTERS] for name in ("thinking", "text")}
    advantage = f"{row['advantage']:+.2f}".replace("-", "−")
    return {
        **said,
        "reward": f"{row['reward']:.2f}".rstrip("0").rstrip(".").replace("-", "−") + _parts(row),
        "advantage": advantage,
        "note": note,
        "tokens": count(row["tokens"]),
    }
