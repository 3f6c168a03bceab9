"""A reward model can be gamed, shown in ten lines.

1. A hidden gold scorer plays the person; only its verdicts on pairs are learned from.
2. Proxies learn from 2,000, 8,000 and 32,000 of them; one is smaller, some form an ensemble.
3. Best of n picks by the proxy; RL and DPO move the policy. How far they go is measured in nats (KL).
4. The proxy's score rises all the way. The gold score says what that was worth.
5. The laws of Gao et al. (2210.10760) are fitted to what gold gained: d (a - b d) and d (a - b log d).
6. Remedies, each measured: a price on distance, stopping early, more comparisons, a larger proxy, an ensemble.
7. Stopping early has a rule that needs no gold: where a second judge, of other comparisons, stops rising.
8. All three ways at equal distances, by how often gold prefers them to the start.
9. Ten answers from the peak and from the end, side by side.
10. Flaws planted in the comparisons (length, flattery) are looked for in the policies that learn from them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trivium.bench.preferences.figures import write
from trivium.bench.preferences.flaws import FLAWS
from trivium.bench.preferences.ground import OverConfig
from trivium.bench.preferences.optimised import averaged, best_of_n
from trivium.bench.preferences.pieces import Kept, Site, gather
from trivium.bench.preferences.plan import plan, proxies, reinforced, repeat, together
from trivium.evals.preferences.best_of_n import divergence, doublings
from trivium.evals.preferences.judging import WAYS
from trivium.ground.artifact import hash_file
from trivium.ground.config import check, digest, replace_field
from trivium.ground.errors import UsageError
from trivium.ground.how import How

FORMAT = 1
"""Of the kept pieces: another number finds none of the old ones."""
REACH = 0.8
"""A way counts as having gone to a distance from this share of it on."""


def main(
    model: Path | None, gold: Path | None, size: Sequence[str], out: Path, how: How, seed: int, docs: Path | None,
    jobs: int = 1,
) -> int:  # fmt: skip
    """Run what is missing of the experiment, up to `jobs` pieces at a time, and write figures, curves and section."""
    config = OverConfig(seed=seed)
    for text in size:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--size {text} has no equals sign.", "Write <field>=<value>: most=64.")
        config = replace_field(config, name.replace("-", "_"), value)
    check(jobs > 0, "jobs", jobs, "One piece at a time, or more.")
    weights = [None if folder is None else hash_file(folder / "model.safetensors") for folder in (model, gold)]
    work = out / f"work-{digest([FORMAT, dataclasses.asdict(config), weights], 8)}"
    kept = gather(Site(config, model, gold, work, how, plan), jobs)
    for path in write(joined(config, kept), out, docs):
        print(path)
    return 0


def joined(config: OverConfig, kept: Kept) -> dict[str, Any]:
    """Everything that was measured, as JSON values."""
    answers = kept["answers"]
    shape = (-1, config.most)
    gold = np.array(answers["golds"]).reshape(shape)
    told = {name: kept[f"proxy {name}"] for name in proxies(config)}
    scores = {name: np.array(one["scores"]).reshape(shape) for name, one in told.items()}
    members = [score for name, score in scores.items() if name.startswith("member")]
    bon = {name: best_of_n(scores[name], gold, config.margin) for name in (*map(str, config.sizes), "small")}
    bon |= {f"ensemble {way}": best_of_n(together(members, way), gold, config.margin) for way in WAYS}
    rl = {name: kept[f"rl {name}"] for name, run in reinforced(config).items() if not run.again}
    for name in map(str, config.sizes):
        runs = [kept[f"rl {name}{repeat(i)}"] for i in range(config.rl_seeds)]
        rl[name]["mean"] = averaged(runs, name, config.far, config.looks)
    dpo = {f"beta {beta:g}": kept[f"dpo beta {beta:g}"] for beta in config.betas}
    first = str(config.sizes[0])
    return {
        "config": dataclasses.asdict(config),
        "where": answers["where"],
        "policy": answers["policy"],
        "proxies": {name: one["figures"] for name, one in told.items()},
        "best_of_n": bon,
        "rl": rl,
        "dpo": dpo,
        "early": early(rl[first]["rows"]),
        "equal_kl": equal_kl(
            {
                "best of n": bon[first]["rows"],
                "rl": rl[first]["rows"],
                "dpo": [r for w in dpo.values() for r in w["rows"]],
            },
            [divergence(n) for n in doublings(config.most)[2::2]],
        ),
        "flaws": {flaw: kept[f"flaw {flaw}"] for flaw in FLAWS},
        "seconds": round(sum(kept.seconds(name) for name in plan(config)), 1),
    }


def early(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Stopping where the second judge's score is highest, beside the best stop there was and the end."""
    stop = max(range(len(rows)), key=lambda i: rows[i]["proxy"]["second"]["value"])
    best = max(range(len(rows)), key=lambda i: rows[i]["gold"]["value"])
    places = {"start": 0, "second_judge": stop, "best": best, "end": len(rows) - 1}
    return {name: {key: rows[i][key] for key in ("step", "kl", "gold")} for name, i in places.items()}


def equal_kl(ways: dict[str, Sequence[dict[str, Any]]], distances: Sequence[float]) -> list[dict[str, Any]]:
    """Each way's row nearest to each distance (by the root), where it goes that far: gold, and how often gold prefers
    it to the start.
    """
    found = []
    for kl in distances:
        told: dict[str, Any] = {"kl": kl}
        for name, rows in ways.items():
            if max(row["kl"] for row in rows) >= REACH * kl:
                row = min(rows, key=lambda row: abs(max(0.0, row["kl"]) ** 0.5 - kl**0.5))
                told[name] = {key: row[key] for key in ("kl", "gold", "wins")}
        found.append(told)
    return found
