"""Three ways to please a proxy (best of n, RL, DPO), each measured by the gold scorer on its way."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from trivium.bench.preferences.ground import Ground
from trivium.bench.preferences.proxies import Compared, encoded
from trivium.evals.intervals import mean
from trivium.evals.preferences.best_of_n import Scores, curve, doublings, expected
from trivium.evals.preferences.divergence import draw
from trivium.evals.preferences.judging import Scorer
from trivium.evals.preferences.laws import fit
from trivium.generate.engine import Engine
from trivium.ground.artifact import Label
from trivium.model.config import OptimizerConfig
from trivium.model.transformer import Transformer
from trivium.stages.rl.judged.run import JudgedConfig, JudgedPractice, practise
from trivium.train.preferences.contrasted import Contrast, ContrastedPairs, all_logprobs

SHOWN = 10


class Measure:
    """A policy on the test prompts: what gold and proxies say of its answers, and how far it is from the start."""

    def __init__(self, ground: Ground, judges: dict[str, Scorer]) -> None:
        self.ground, self.judges = ground, judges
        self.reference = ground.policy()
        self._engine = Engine(ground.policy())  # on weights of its own, which each look overwrites
        self.asked = [text for text in ground.test for _ in range(max(1, ground.config.looked // len(ground.test)))]
        messages = [[{"role": "user", "content": text}] for text in self.asked]
        self.messages = messages
        self.start = self.take(self.reference)

    def take(self, policy: Transformer, **more: Any) -> dict[str, Any]:
        """The figures of a policy, with `more`; its answers stay in "texts", its true scores in "golds"."""
        ground = self.ground
        seed = ground.config.seed + 77
        self._engine.refresh(policy)
        drawn = draw(
            policy, self.reference, ground.tokenizer, self.messages, ground.config.max_new, seed, engine=self._engine
        )
        golds = ground.gold(self.asked, drawn.texts)
        told = drawn.to_json()
        return {
            **more,
            "kl": told["kl"]["value"],
            "kl_interval": told["kl"],
            "gold": mean(golds).to_json(),
            "proxy": {name: mean(judge(self.asked, drawn.texts)).to_json() for name, judge in self.judges.items()},
            "answer_tokens": told["answer_tokens"],
            "distinct_2": told["distinct_2"],
            "texts": drawn.texts,
            "golds": golds.tolist(),
        }

    def wins(self, golds: Sequence[float]) -> dict[str, Any]:
        """How often the gold scorer prefers these answers to the starting policy's, over prompts."""
        shape = (len(self.ground.test), -1)
        theirs, starts = (np.array(some).reshape(shape) for some in (golds, self.start["golds"]))
        return dict(mean(preferred(theirs, starts, self.ground.config.margin).mean(1)).to_json())


def preferred(golds: Scores, others: Scores, margin: float) -> Scores:
    """For each true score the share of the others of its prompt that it beats; a near tie is half a win.

    Rows are prompts; as many columns as answers.
    """
    found = np.empty(golds.shape)
    for row, (mine, theirs) in enumerate(zip(golds, others, strict=True)):
        gap = mine[:, None] - theirs
        found[row] = np.where(np.abs(gap) < margin, 0.5, gap > 0).mean(1)
    return found


def law_of(rows: Sequence[dict[str, Any]], law: str, start: float) -> dict[str, Any] | None:
    """The fitted law of a way's rows, by the gold gain over the start."""
    return fit([row["kl"] for row in rows], [row["gold"]["value"] - start for row in rows], law)


def best_of_n(proxy: Scores, gold: Scores, margin: float) -> dict[str, Any]:
    """The curve of best of n, how often gold prefers the pick to any other answer of the policy, and the law."""
    won = preferred(gold, gold, margin)
    rows = curve(proxy, gold, doublings(proxy.shape[1]))
    for row in rows:
        row["wins"] = mean(expected(proxy, won, row["n"])).to_json()
    return {"rows": rows, "law": law_of(rows, "bon", rows[0]["gold"]["value"])}


def reinforce(measure: Measure, name: str, scorer: Scorer, kl: float = 0.0, again: int = 0) -> dict[str, Any]:
    """RL against a proxy until it is far away: a row for each look, the law, and what to see of peak and end.

    `again` numbers the runs that differ in their samples alone.
    """
    ground = measure.ground
    config = ground.config
    rate = config.rl_rate
    plan = JudgedConfig(
        seed=config.seed + 1000 * again, steps=config.rl_steps, prompts=config.rl_prompts, samples=config.rl_samples,
        max_new=config.max_new, kl=kl, stop_kl=config.far,
        optimizer=OptimizerConfig(muon_lr=rate, embed_lr=rate / 2, head_lr=rate / 4, momentum=0.9),
    )  # fmt: skip
    messages = [[{"role": "user", "content": text}] for text in ground.train]
    policy = ground.policy()
    practice = JudgedPractice(plan, policy, measure.reference, ground.tokenizer, scorer, messages)
    rows = [measure.start | {"step": 0}]
    every, stride = max(1, config.rl_steps // config.looks), config.far**0.5 / config.looks
    roots = [0.0]

    def look(step: int, model: Transformer) -> None:
        kl = max(0.0, practice.facts["kl"])
        if step % every and abs(kl**0.5 - roots[-1]) < stride and step < config.rl_steps and kl < config.far:
            return
        roots.append(kl**0.5)
        model.eval()
        rows.append(measure.take(model, step=step))

    work = ground.work / "loops" / name
    shutil.rmtree(work, ignore_errors=True)
    practise(practice, Label("bench", name, 1, [config.seed, kl, again]), work, ground.how, look)
    return told(measure, rows)


def contrast(measure: Measure, name: str, compared: Sequence[Compared], beta: float) -> dict[str, Any]:
    """DPO on the comparisons themselves: a row for each look."""
    ground = measure.ground
    config = ground.config
    pairs = encoded(ground, compared)
    policy = ground.policy()
    source = ContrastedPairs(pairs, 512, config.batch, config.seed, ground.tokenizer.end_of_text)
    known, _ = all_logprobs(policy, source)
    objective = Contrast(known, torch.zeros(len(pairs), dtype=torch.bool), beta)
    steps = config.dpo_epochs * source.steps_per_epoch
    rows = [measure.start | {"step": 0}]

    def look(step: int) -> None:
        if step % max(1, steps // config.looks) == 0 or step == steps:
            policy.eval()
            rows.append(measure.take(policy, step=step))

    rates = OptimizerConfig(muon_lr=config.dpo_rate, embed_lr=config.dpo_rate / 2, head_lr=config.dpo_rate / 4)
    ground.loop(name, policy, source, steps, rates, objective, look)
    return told(measure, rows)


def averaged(runs: Sequence[dict[str, Any]], name: str, far: float, looks: int) -> dict[str, Any]:
    """The mean of several runs' gold and proxy at even steps of the root of distance, and the laws of that mean.

    Between two looks of a run its scores are taken to lie on a line; the mean goes as far as all of them do.
    """
    told = [
        sorted((max(0.0, r["kl"]) ** 0.5, r["gold"]["value"], r["proxy"][name]["value"]) for r in run["rows"])
        for run in runs
    ]
    end = min(one[-1][0] for one in told)
    roots = [d for d in (i * far**0.5 / looks for i in range(looks + 1)) if d <= end]
    columns = [np.array(one).T for one in told]
    golds, proxies = (np.array([np.interp(roots, one[0], one[i]) for one in columns]) for i in (1, 2))
    rows = [
        {"kl": d * d, "gold": mean(golds[:, i]).to_json(), "proxy": {name: mean(proxies[:, i]).to_json()}}
        for i, d in enumerate(roots)
    ]
    laws = {key: law_of(rows, law, rows[0]["gold"]["value"]) for key, law in (("law", "rl"), ("square_law", "bon"))}
    return {"runs": len(runs), "rows": rows, **laws}


def told(measure: Measure, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows without their texts, the law, the win rates, and ten answers of peak and end side by side."""
    peak, end = max(rows, key=lambda row: row["gold"]["value"]), rows[-1]
    each = len(measure.asked) // len(measure.ground.test)
    samples = [
        {"prompt": measure.asked[i], **{key: {"text": row["texts"][i], "gold": row["golds"][i]}
                                        for key, row in (("start", rows[0]), ("peak", peak), ("end", end))}}
        for i in range(0, min(len(measure.asked), SHOWN * each), each)
    ]  # fmt: skip
    kept = [
        {k: v for k, v in row.items() if k not in ("texts", "golds")} | {"wins": measure.wins(row["golds"])}
        for row in rows
    ]
    return {
        "rows": kept,
        "law": law_of(rows, "rl", rows[0]["gold"]["value"]),
        "square_law": law_of(rows, "bon", rows[0]["gold"]["value"]),
        "peak_step": peak["step"],
        "fall": mean(np.array(peak["golds"]) - np.array(end["golds"])).to_json(),
        "samples": samples,
        "last_texts": end["texts"],
    }
