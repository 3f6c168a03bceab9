"""What the experiment leaves: JSON, curves as SVG, and a section of Markdown with the samples side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trivium.bench.page import table, write_section
from trivium.evals.preferences.laws import predicted
from trivium.ground.atomic import write_atomic
from trivium.pages.charts import Line, file_of, lines

INKS = ("base", "sft", "reward", "rl", "audit", "tokenizer", "quirks", "corpus", "report")


def write(found: dict[str, Any], out: Path, docs: Path | None = None) -> list[Path]:
    """Write everything below `out` (and the section into `docs`, where it is given); the paths."""
    out.mkdir(parents=True, exist_ok=True)
    for way in ("rl", "dpo"):
        for run in found[way].values():
            run.pop("last_texts", None)
    paths = [out / "overoptimise.json"]
    write_atomic(paths[0], (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())
    for way in ("best_of_n", "rl", "dpo"):
        for kind in ("gold", "proxy"):
            drawing = chart(found, way, kind)
            if drawing:
                paths.append(out / f"{way}-{kind}.svg")
                write_atomic(paths[-1], drawing.encode())
    paths.append(out / "ways.svg")
    write_atomic(paths[-1], ways(found).encode())
    text = section(found)
    paths.append(out / "overoptimise.md")
    write_atomic(paths[-1], (text + "\n").encode())
    if docs is not None:
        place = docs.parent / "overoptimise"
        for name in ("rl-gold.svg", "best_of_n-gold.svg", "ways.svg"):
            write_atomic(place / name, (out / name).read_bytes())
        write_atomic(place / "curves.json", (json.dumps(curves(found), separators=(",", ":")) + "\n").encode())
        links = ", ".join(f"[{n}](overoptimise/{n})" for n in ("rl-gold.svg", "best_of_n-gold.svg", "ways.svg"))
        write_section(
            docs, "overoptimise", f"{text}\n\nCurves: {links}; numbers: [curves.json](overoptimise/curves.json)."
        )
        paths.append(docs)
    return paths


def curves(found: dict[str, Any]) -> list[list[Any]]:
    """The numbers behind the curves, a line each: way, proxy, step or n, KL, and gold, its proxy, wins."""
    told: list[list[Any]] = [
        ["way", "proxy", "step or n", "kl", "gold", "gold low", "gold high", "proxy score", "wins"]
    ]
    for way in ("best_of_n", "rl", "dpo"):
        for name, run in found[way].items():
            for row in run["rows"]:
                gold = [round(row["gold"][key], 4) for key in ("value", "low", "high")]
                score = _score(row, "proxy", name)
                said = [None if score is None else round(score, 4), round(row["wins"]["value"], 4)]
                told.append([way, name, row.get("step", row.get("n")), round(row["kl"], 3), *gold, *said])
    return told


def ways(found: dict[str, Any]) -> str:
    """One figure: how often gold prefers each way's answers to the start, by distance. A whole SVG file."""
    first = next(iter(found["best_of_n"]))
    runs = {
        "best of n": found["best_of_n"][first],
        "rl": found["rl"][first],
        "rl, price": found["rl"]["price of distance"],
    }
    runs |= {f"dpo {name}": run for name, run in found["dpo"].items()}
    drawn = []
    for ink, (name, run) in zip(INKS, runs.items(), strict=False):
        points = sorted((max(0.0, float(row["kl"])) ** 0.5, float(row["wins"]["value"])) for row in run["rows"])
        drawn.append(Line(name, ink, points, marks=True))
    said = f"gold prefers it to the start, {first} comparisons"
    return file_of(lines(drawn, said, "root of KL (nats)", "share", height=300.0))


def chart(found: dict[str, Any], way: str, kind: str) -> str:
    """Score against the root of the distance, a line a proxy, with the fitted law dashed. A whole SVG file."""
    drawn = []
    for ink, (name, run) in zip(INKS, found[way].items(), strict=False):
        run = run.get("mean", run)  # noqa: PLW2901 - of several runs, their mean
        rows = [row for row in run["rows"] if row["kl"] >= 0]
        told = [(float(row["kl"]) ** 0.5, _score(row, kind, name)) for row in rows]
        points = sorted((x, y) for x, y in told if y is not None)
        drawn.append(Line(name, ink, points, marks=True))
        if kind == "gold" and run.get("law") and points:
            start = run["rows"][0]["gold"]["value"]
            xs = [points[-1][0] * i / 40 for i in range(1, 41)]
            fitted = [(x, start + y) for x, y in zip(xs, predicted(run["law"], [x * x for x in xs]), strict=True)]
            drawn.append(Line("", ink, fitted, dashed=True))
    said = f"{kind} score by distance, {way}"
    return file_of(lines(drawn, said, "root of KL (nats)", f"{kind} score", height=300.0))


def _score(row: dict[str, Any], kind: str, name: str) -> float | None:
    figure = row[kind]
    if kind == "proxy" and "value" not in figure:
        figure = figure.get(name) or next(iter(figure.values()))
    value = figure["value"]
    return None if value is None else float(value)


def section(found: dict[str, Any]) -> str:
    """The section of the documentation."""
    policy, config = found["policy"], found["config"]
    parts = [
        "### A reward model can be gamed",
        f"`trivium bench overoptimise`, {found['where']}. Policy of {policy['parameters'] / 1e6:.2f} M parameters, "
        f"gold {_figure(policy['gold'])}; {found['seconds']:,.0f} s of processes; seed {config['seed']}.",
        "\n".join(table(["proxy", "comparisons", "blocks", "held-out pairs right"], [
            [name, f"{one['comparisons']:,}", str(one["blocks"]), _share(one["accuracy"])]
            for name, one in found["proxies"].items()])),
        "\n".join(table(["way", "proxy", "gold at start", "at its peak", "at the end", "fall, paired",
                         "KL of peak, end", "law: R²", "d (a - b d): R²", "falls inside"],
                        [_row(way, *item) for way in ("best_of_n", "rl", "dpo") for item in found[way].items()])),
        "RL against a size of proxy is shown of the first run; laws are fitted to the mean of "
        f"{config['rl_seeds']} runs on other samples. "
        + " ".join(_mean(*item) for item in found["rl"].items()).strip(),
        "Stopping early, RL against the smallest proxy: " + "; ".join(
            f"{name.replace('_', ' ')} step {one['step']}, {_figure(one['gold'])}"
            for name, one in found["early"].items()
        ) + ".",
        "Gold prefers it to the start (a near tie is half), at the distance that best of n has; in brackets the nats:",
        "\n".join(table(["distance, nats", "best of n", "RL", "DPO"], [_equal(one) for one in found["equal_kl"]])),
        "\n".join(table(["flaw planted", "judge: score and length, r", "judge: gain of flattery",
                         "DPO: characters", "DPO: flattery", "RL: characters", "RL: flattery"],
                        [_flaw(name, one) for name, one in found["flaws"].items()])),
        "At the start: {} characters, flattery {}.".format(*_start(found["flaws"]["clean"]["start"])),
        _samples(found),
    ]  # fmt: skip
    return "\n\n".join(parts)


def _row(way: str, name: str, run: dict[str, Any]) -> list[str]:
    rows, fitted = run["rows"], run.get("mean", run)
    law = fitted.get("law")
    peak = max(rows, key=lambda row: row["gold"]["value"])
    r2, other = (
        "–" if one is None or one["r2"] is None else f"{one['r2']:.2f}" for one in (law, fitted.get("square_law"))
    )
    inside = "–" if law is None else "yes" if law["peak_within"] else "no"
    ends = f"{peak['kl']:.1f}, {rows[-1]['kl']:.1f}"
    golds = [_figure(row["gold"]) for row in (rows[0], peak, rows[-1])]
    fall = _figure(run["fall"]) if "fall" in run else "–"
    return [way.replace("_", " "), name, *golds, fall, ends, r2, other, inside]


def _mean(name: str, run: dict[str, Any]) -> str:
    if "mean" not in run:
        return ""
    rows = run["mean"]["rows"]
    start, peak, end = rows[0], max(rows, key=lambda row: row["gold"]["value"]), rows[-1]
    told = " → ".join(f"{row['gold']['value']:.3f} at {row['kl']:.1f}" for row in (start, peak, end))
    return f"Mean against {name}: gold {told} nats."


def _start(told: dict[str, Any]) -> tuple[str, str]:
    return _figure(told["characters"]), _share(told["flattery"])


def _equal(one: dict[str, Any]) -> list[str]:
    cells = [f"{_share(one[w]['wins'])} ({one[w]['kl']:.1f})" if w in one else "–" for w in ("best of n", "rl", "dpo")]
    return [f"{one['kl']:.2f}", *cells]


def _flaw(name: str, one: dict[str, Any]) -> list[str]:
    judge = one["judge"]
    gain = judge["gain_of_flattery"]
    ways = [cell for way in ("dpo", "rl") for cell in (_figure(one[way]["characters"]), _share(one[way]["flattery"]))]
    return [name, f"{judge['score_and_length']:+.2f}", _figure(gain), *ways]


def _samples(found: dict[str, Any]) -> str:
    name = next(iter(found["rl"]))
    rows = [
        [_cell(s["prompt"]), *(f"{_cell(s[key]['text'])} ({s[key]['gold']:.2f})" for key in ("start", "peak", "end"))]
        for s in found["rl"][name]["samples"]
    ]
    head = ["prompt", "start (gold)", "peak", "end"]
    return f"RL against the proxy of {name} comparisons, the same prompts:\n\n" + "\n".join(table(head, rows))


def _cell(text: str) -> str:
    return " ".join(text.split())[:160]


def _figure(figure: dict[str, Any]) -> str:
    if figure["low"] is None:
        return f"{figure['value']:.3g}"
    return f"{figure['value']:.3g} [{figure['low']:.3g}, {figure['high']:.3g}]"


def _share(figure: dict[str, Any] | None) -> str:
    if figure is None or figure["value"] is None:
        return "–"
    return f"{100 * figure['value']:.1f} % [{100 * figure['low']:.1f}, {100 * figure['high']:.1f}]"
