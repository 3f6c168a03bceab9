"""What a reward model is worth: held-out pairs against a coin and a ruler, its confidence, and the best of n."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from trivium.evals.intervals import bootstrap, mean, paired_difference, proportion
from trivium.evals.preferences.pairs import calibration
from trivium.model.reward import RewardModel
from trivium.stages.reward.comparisons import Answered, Comparison, gold
from trivium.stages.reward.learning import score_all
from trivium.text.tokenizer import Tokenizer


def pair_figures(
    model: RewardModel, tokenizer: Tokenizer, learned: Sequence[Comparison], heldout: Sequence[Comparison]
) -> dict[str, Any]:
    """Accuracy on held-out pairs (Wilson; and with whole prompts resampled), the accuracy of a ruler, calibration.

    The ruler knows only length: whichever of "longer" and "shorter" was right more often in training.
    """
    texts = [(c.prompt, text) for c in heldout for text in (c.chosen, c.rejected)]
    scores = np.array(score_all(model, tokenizer, texts)).reshape(-1, 2)
    margin = scores[:, 0] - scores[:, 1]
    right = margin > 0
    prompts = list(dict.fromkeys(c.prompt for c in heldout))
    by_prompt = [[bool(hit) for hit, c in zip(right, heldout, strict=True) if c.prompt == prompt] for prompt in prompts]
    hits, sizes = [sum(some) for some in by_prompt], [len(some) for some in by_prompt]
    sign = 1 if sum(_longer(c) for c in learned) >= 0 else -1
    return {
        "accuracy": proportion(int(right.sum()), len(right)).to_json(),
        "accuracy_by_prompt": bootstrap(hits, weights=sizes).to_json(),
        "length_alone": proportion(sum(sign * _longer(c) > 0 for c in heldout), len(heldout)).to_json(),
        "length_rule": "longer is better" if sign > 0 else "shorter is better",
        "loss": float(np.logaddexp(0, -margin).mean()),
        "loss_of_a_coin": math.log(2),
        "calibration": calibration(margin),
    }


def best_of_n(model: RewardModel, tokenizer: Tokenizer, answered: Sequence[Answered]) -> dict[str, Any]:
    """True scores (0 to 1) of the answer that the reward model picks among the first n of each held-out prompt's.

    "best_of_n" has a row for n = 1 (no choice), 2, 4, ...; beside it a blind pick, the true best, and the paired gain.
    """
    size = len(answered[0].answers)
    texts = [(one.prompt, text) for one in answered for text in one.answers]
    proxy = np.array(score_all(model, tokenizer, texts)).reshape(-1, size)
    true = np.array([gold(*pair) for pair in texts]).reshape(-1, size)
    rows = []
    for n in [*(2**i for i in range(size.bit_length()) if 2**i < size), size]:
        best = proxy[:, :n].argmax(1)[:, None]
        picked, opinion = (np.take_along_axis(x, best, 1)[:, 0] for x in (true, proxy))
        rows.append(
            {
                "n": n,
                "gold": mean(picked).to_json(),
                "proxy": mean(opinion).to_json(),
                "true_best": mean(true[:, :n].max(1)).to_json(),
            }
        )
    blind, best_there = true.mean(1), true.max(1)
    room = float((best_there - blind).mean())
    return {
        "best_of_n": rows,
        "blind": mean(blind).to_json(),
        "gain_over_blind": paired_difference(picked, blind).to_json(),
        "share_of_the_possible_gain": float((picked - blind).mean()) / room if room else None,
    }


def _longer(comparison: Comparison) -> int:
    """1 when the chosen answer is the longer one, -1 when it is the shorter one, 0 when both are as long."""
    first, second = len(comparison.chosen), len(comparison.rejected)
    return (first > second) - (first < second)
