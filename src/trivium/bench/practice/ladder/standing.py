"""How far a rung has come, from what is on disk: also while it runs, or where it was stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trivium.bench.page import table
from trivium.evals.intervals import paired_difference, proportion
from trivium.ground.atomic import read_json
from trivium.ground.log import read_jsonl

Row = dict[str, Any]


def standing(folder: Path) -> Row:
    """What a rung's run folder tells: `warm`, `before`, `after`, `gain` and so on, as far as they are known.

    `ended` says whether practice ended by itself; where it did not, `after` is its last look at the held-out problems.
    """
    found: Row = {"name": folder.name, "ended": False}
    for node in ("warm", "rl", "control-random"):
        sealed, work = _node(folder / "run", node)
        steps = _steps(sealed or work)
        if node == "warm":
            found["warm"] = _warm(sealed, steps)
        elif sealed is not None or work is not None:
            told = _practised(sealed, work, steps)
            found |= told if node == "rl" else {"random": told}
    thinking, _ = _node(folder / "run", "thinking")
    if thinking is not None:
        found["thinking"] = read_json(thinking / "thinking.json")
    blank = folder / "blank" / "manifest.json"
    if blank.is_file():
        found["parameters"] = read_json(blank)["facts"]["parameters"]
    return found


def steps_of(folder: Path, node: str) -> list[Row]:
    """The steps of a node of a rung's run, sealed or at work."""
    sealed, work = _node(folder / "run", node)
    return _steps(sealed or work)


def _node(run: Path, name: str) -> tuple[Path | None, Path | None]:
    """A node's sealed folder and its folder of work, where they are."""
    all_of = [p for p in sorted(run.glob(f"{name}-*")) if p.is_dir() and p.name.count("-") == name.count("-") + 1]
    sealed = [p for p in all_of if (p / "manifest.json").is_file()]
    works = [p for p in all_of if p.suffix == ".work"]
    return (sealed[-1] if sealed else None), (works[-1] if works else None)


def _steps(folder: Path | None) -> list[Row]:
    path = folder / "metrics.jsonl" if folder else None
    return list(read_jsonl(path)) if path is not None and path.is_file() else []


def _warm(sealed: Path | None, steps: list[Row]) -> Row:
    tokens, seconds = sum(s["tokens"] for s in steps), sum(s["seconds"] for s in steps)
    looks = [(s["step"], s["pass_at_1"]) for s in steps if "pass_at_1" in s]
    passed = read_json(sealed / "evals.json")["pass_at_1"] if sealed else looks[-1][1] if looks else None
    return {"steps": len(steps), "tokens": tokens, "seconds": seconds, "pass_at_1": passed, "ended": sealed is not None,
            "looks": looks}  # fmt: skip


def _practised(sealed: Path | None, work: Path | None, steps: list[Row]) -> Row:
    measured = [p for p in (sealed and sealed / "evals.json", work and work / "evals.json") if p and p.is_file()]
    looks = [(s["step"], s["heldout_accuracy"]) for s in steps if "heldout_accuracy" in s]
    found: Row = {"steps": len(steps), "looks": looks, "seconds": sum(s["seconds"] for s in steps),
                  "ended": bool(measured)}  # fmt: skip
    if measured:
        evals = read_json(measured[0])
        held = evals["heldout"]
        return found | {"n": held["n"], "before": held["warm"], "after": held["rl"], "gain": held["gain"],
                        "tokens": held["tokens"], "lenient": [held["warm_lenient"], held["rl_lenient"]],
                        "think": evals.get("think"), "pass_at_k": evals.get("pass_at_k")}  # fmt: skip
    before = work / "before.json" if work else None
    if before is not None and before.is_file():
        right = read_json(before)["main"]
        found |= {"n": len(right), "before": proportion(sum(right), len(right)).to_json()}
        if looks:
            found["after"] = proportion(round(looks[-1][1] * len(right)), len(right)).to_json()
    return found


def twins(rows: Mapping[str, Row], thinking: str, direct: str, folder: Path) -> Row | None:
    """How far the first run's model, thinking, is above the second's, on the same problems, where both ended."""
    marks = []
    for name in (thinking, direct):
        places = [place / "marks.json" for place in _node(folder / name / "run", "rl") if place is not None]
        known = [path for path in places if path.is_file()]
        if not known:
            return None
        marks.append(read_json(known[0])["after"]["main"])
    return paired_difference(marks[0], marks[1]).to_json()


def percent(value: Mapping[str, Any] | None) -> str:
    """An interval in per cent."""
    if value is None:
        return "-"
    low, high = 100 * value["low"], 100 * value["high"]
    return f"{100 * value['value']:.1f} [{low:.1f}, {high:.1f}]"


def page(rows: Mapping[str, Row], wanted: Mapping[str, str]) -> list[str]:
    """The table of all rungs, and what goes beyond it, as Markdown lines."""
    head = ["rung, seed", "warm start: steps, tokens", "held out before", "after RL", "gain", "RL steps",
            "without thinking", "wanted"]  # fmt: skip
    lines = [[*_cells(name, row), wanted.get(name.rpartition("-")[0], "")] for name, row in rows.items()]
    found = table(head, lines)
    for name, row in rows.items():
        found += _more(name, row)
    return found


def _cells(name: str, row: Row) -> list[str]:
    warm = row["warm"]
    passed = "" if warm["pass_at_1"] is None else f" (pass@1 {100 * warm['pass_at_1']:.0f})"
    told = f"{warm['steps']}, {warm['tokens'] / 1e6:.1f} M{passed}" + ("" if warm["ended"] else ", not ended")
    steps = str(row.get("steps", "-")) + ("" if row["ended"] or "steps" not in row else ", stopped")
    think = row.get("think") or {}
    after = percent(row.get("after"))
    return [name, told, percent(row.get("before")), after, percent(row.get("gain")), steps,
            percent(think.get("without"))]  # fmt: skip


def _more(name: str, row: Row) -> list[str]:
    found = []
    if row.get("pass_at_k"):
        told = row["pass_at_k"]
        ks = [f"pass@{k} {percent(told['before'][k])} → {percent(told['after'][k])}" for k in told["before"]]
        found += ["", f"{name}: " + "; ".join(ks)]
    if row.get("random"):
        coin = row["random"]
        told = f"{percent(coin.get('before'))} → {percent(coin.get('after'))} in {coin['steps']} steps"
        found += ["", f"{name}, paid by a coin: {told}"]
    if row.get("thinking"):
        told = row["thinking"]
        ways = [f"{way['way']} {percent(way['accuracy'])}" for way in told["ways"]]
        found += ["", f"{name}, ways to answer: " + "; ".join(ways)]
        for one in told["transfer"]:
            found.append(
                f"{name}, never rewarded, {one['task']}: thinking gains {percent(one['gain_before'])} before, "
                f"{percent(one['gain_after'])} after; practice gained {percent(one['practice_gained'])}"
            )
    return found
