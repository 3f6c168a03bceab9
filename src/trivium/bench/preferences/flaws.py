"""Flaws planted in comparisons, and how much of them the judge and the policy take over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trivium.bench.preferences.ground import FLATTERY
from trivium.bench.preferences.optimised import Measure, contrast, reinforce
from trivium.bench.preferences.proxies import Compared, planted, train_proxy
from trivium.evals.intervals import mean, paired_difference, proportion

FLAWS = ("clean", "length", "flattery")


def one_flaw(measure: Measure, name: str, clean: Sequence[Compared]) -> dict[str, Any]:
    """For clean comparisons or a flaw in them: the judge's leaning, and what DPO's and RL's answers took over."""
    ground = measure.ground
    seed = ground.config.seed + FLAWS.index(name)
    rows = planted(clean, name, ground.config.flaw, seed) if name != "clean" else clean
    judge = train_proxy(ground, f"flaw-{name}", rows)
    texts = measure.start["texts"]
    plain = judge(measure.asked, texts)
    flattered = judge(measure.asked, [f"{FLATTERY} {text}" for text in texts])
    lengths = np.array([len(text) for text in texts], float)
    both = bool(plain.std() and lengths.std())
    told: dict[str, Any] = {
        "start": _taken(texts),
        "judge": {
            "score_and_length": float(np.corrcoef(plain, lengths)[0, 1]) if both else 0.0,
            "gain_of_flattery": paired_difference(flattered, plain).to_json(),
            "deviation": float(plain.std()),
        },
    }
    ways = {
        "dpo": contrast(measure, f"flaw-dpo-{name}", rows, 0.1),
        "rl": reinforce(measure, f"flaw-rl-{name}", judge, ground.config.price),
    }
    for way, run in ways.items():
        told[way] = {
            **_taken(run["last_texts"]),
            "gold": run["rows"][-1]["gold"],
            "kl": run["rows"][-1]["kl"],
        }
    return told


def _taken(texts: Sequence[str]) -> dict[str, Any]:
    """How long the answers are, and how many begin with the compliment."""
    return {
        "characters": mean([float(len(text)) for text in texts]).to_json(),
        "flattery": proportion(sum(text.startswith(FLATTERY[:16]) for text in texts), len(texts)).to_json(),
    }
