"""A reward model can be gamed, shown in ten lines.

1. A hidden gold scorer plays the person; only its verdicts on pairs are learned from.
2. Proxies learn from 2,000, 8,000 and 32,000 of them; one is smaller, some form an ensemble.
3. Best of n picks by the proxy; RL and DPO move the policy. How far they go is measured in nats (KL).
4. The proxy's score rises all the way. The gold score says what that was worth.
5. The laws of Gao et al. (2210.10760) are fitted to what gold gained: d (a - b d) and d (a - b log d).
6. Remedies, each measured: a price on distance, stopping early, more comparisons, a larger proxy, an ensemble.
7. Stopping early has a rule that needs no gold: where a second judge, of other comparisons, stops rising.
8. All three ways at one distance, by how often gold prefers them to the start.
9. Ten answers from the peak and from the end, side by side.
10. Flaws planted in the comparisons (length, flattery) are looked for in the policies that learn from them.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trivium.bench.preferences.figures import write
from trivium.bench.preferences.flaws import flaws
from trivium.bench.preferences.ground import Ground, OverConfig, begin
from trivium.bench.preferences.optimised import Measure, best_of_n, contrast, reinforce
from trivium.bench.preferences.proxies import HELDOUT, accuracy, comparisons, drawn_again, encoded, train_proxy
from trivium.evals.preferences.judging import WAYS, Ensemble, Judge, Scorer
from trivium.ground.config import replace_field
from trivium.ground.errors import UsageError
from trivium.ground.how import How


def main(
    model: Path | None, gold: Path | None, size: Sequence[str], out: Path, how: How, seed: int, docs: Path | None
) -> int:
    """Run the experiment and write `overoptimise.json`, the curves as SVG and the section as Markdown to `out`."""
    config = OverConfig(seed=seed)
    for text in size:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--size {text} has no equals sign.", "Write <field>=<value>: most=64.")
        config = replace_field(config, name.replace("-", "_"), value)
    begun = time.perf_counter()
    ground = begin(config, model, gold, out / "work", how)
    found = experiment(ground)
    found["seconds"] = round(time.perf_counter() - begun, 1)
    for path in write(found, out, docs):
        print(path)
    return 0


def experiment(ground: Ground) -> dict[str, Any]:
    """Everything that is measured, as JSON values."""
    config = ground.config
    rows = comparisons(ground, ground.train, max(config.sizes), 1)
    heldout = encoded(ground, comparisons(ground, ground.test, min(HELDOUT, max(config.sizes) // 4), 2))
    judges, told = _judges(ground, rows, heldout)
    members = [judge for name, judge in judges.items() if name.startswith("member")]
    asked = [text for text in ground.test for _ in range(config.most)]
    texts = ground.answers(ground.policy(), asked, config.seed * 101 + 3)
    shape = (len(ground.test), config.most)
    gold = ground.gold(asked, texts).reshape(shape)
    scores = {name: judge(asked, texts).reshape(shape) for name, judge in judges.items()}
    bon = {name: best_of_n(score, gold) for name, score in scores.items() if not name.startswith("member")}
    ensembles = {}
    for way in WAYS:
        ensemble = Ensemble(members, way).fit(asked[:: config.most], texts[:: config.most])
        ensembles[f"ensemble {way}"] = ensemble
        bon[f"ensemble {way}"] = best_of_n(ensemble(asked, texts).reshape(shape), gold)
    first, *_ = names = [str(one) for one in config.sizes]
    plain: dict[str, Scorer] = {name: judges[name] for name in names}
    measure = Measure(ground, plain | {"second": members[0]})
    rl = {name: reinforce(measure, f"rl-{name}", judge) for name, judge in plain.items()}
    rl["price of distance"] = reinforce(measure, "rl-price", judges[first], config.price)
    rl["small proxy"] = reinforce(measure, "rl-small", judges["small"])
    for name, ensemble in ensembles.items():
        rl[name] = reinforce(measure, f"rl-{name.replace(' ', '-')}", ensemble)
    dpo = {f"beta {beta:g}": contrast(measure, f"dpo-{beta:g}", rows[: config.sizes[0]], beta) for beta in config.betas}
    return {
        "config": dataclasses.asdict(config),
        "policy": {"parameters": sum(p.numel() for p in measure.reference.parameters()),
                   "gold": measure.start["gold"], "answer_tokens": measure.start["answer_tokens"]},
        "proxies": told,
        "best_of_n": bon,
        "rl": rl,
        "dpo": dpo,
        "early": early(rl[first]["rows"]),
        "equal_kl": equal_kl(bon[first]["rows"], scores[first], gold, rl[first]["rows"], dpo, config.margin),
        "flaws": flaws(measure, rows[: sorted(config.sizes)[len(config.sizes) // 2]]),
    }  # fmt: skip


def _judges(ground: Ground, rows: list[Any], heldout: list[Any]) -> tuple[dict[str, Judge], dict[str, Any]]:
    config = ground.config
    first = rows[: config.sizes[0]]
    wanted = [(str(size), rows[:size], 0, 0) for size in config.sizes]
    wanted.append(("small", first, config.small_layers, 0))
    wanted += [(f"member {i}", drawn_again(first, i), 0, i + 1) for i in range(config.ensemble)]
    judges, told = {}, {}
    for name, some, layers, seed in wanted:
        judge = train_proxy(ground, f"proxy-{name.replace(' ', '-')}", some, layers, seed)
        judges[name] = judge
        told[name] = {"comparisons": len(some), "blocks": judge.model.config.num_hidden_layers,
                      "accuracy": accuracy(judge, heldout)}  # fmt: skip
    return judges, told


def early(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Stopping where the second judge's score is highest, beside the best stop there was and the end."""
    stop = max(range(len(rows)), key=lambda i: rows[i]["proxy"]["second"]["value"])
    best = max(range(len(rows)), key=lambda i: rows[i]["gold"]["value"])
    places = {"start": 0, "second_judge": stop, "best": best, "end": len(rows) - 1}
    return {name: {key: rows[i][key] for key in ("step", "kl", "gold")} for name, i in places.items()}


def equal_kl(
    bon: Sequence[dict[str, Any]], proxy: Any, gold: Any, rl: Sequence[dict[str, Any]], dpo: dict[str, Any],
    margin: float,
) -> dict[str, Any]:  # fmt: skip
    """The three ways at the distance that all reach: gold, and how often gold prefers them to the start."""
    moved = [row for way in dpo.values() for row in way["rows"]]
    reach = min(max(row["kl"] for row in way) for way in (bon, rl, moved))
    found: dict[str, Any] = {"kl": reach}
    for name, some in (("best of n", bon), ("rl", rl), ("dpo", moved)):
        row = min(some, key=lambda row: abs(row["kl"] - reach))
        found[name] = {"kl": row["kl"], "gold": row["gold"], "wins": row.get("wins")}
        if name == "best of n":
            found[name] |= {"n": row["n"], "wins": _bon_wins(proxy, gold, row["n"], margin)}
    return found


def _bon_wins(proxy: Any, gold: Any, n: int, margin: float) -> dict[str, Any]:
    """Win rate of the pick among the last n answers to a prompt against the first answer, as the other ways have it."""
    from trivium.evals.intervals import proportion

    n = min(n, proxy.shape[1] - 1)
    best = proxy[:, -n:].argmax(1)
    gap = gold[:, -n:][np.arange(len(gold)), best] - gold[:, 0]
    clear = np.abs(gap) >= margin
    return dict(proportion(int((gap[clear] > 0).sum()), int(clear.sum())).to_json())
