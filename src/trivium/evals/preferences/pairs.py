"""What a judge is worth on held-out pairs: how often it is right, by its margin, what it says of its own certainty, and
how much of it is length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trivium.evals.intervals import bootstrap, mean, paired_difference, proportion

Numbers = NDArray[np.float64]
QUARTERS = 4


def pair_figures(
    scores: Numbers,
    lengths: NDArray[np.int64],
    prompts: Sequence[str],
    ties: Sequence[bool],
    longer_is_better: bool,
    margins: Sequence[float | None] = (),
) -> dict[str, Any]:
    """All figures of a judge. `scores` and `lengths` (characters) are `(pairs, 2)`, the chosen answer first.

    Equal scores are never right. A prompt with several pairs counts as one item in `accuracy_by_prompt`'s interval.
    `longer_is_better` is what training's verdicts said; ties are left out of every accuracy.
    """
    decided = ~np.asarray(ties, bool)
    margin, longer = scores[:, 0] - scores[:, 1], np.sign(lengths[:, 0] - lengths[:, 1])
    kept, ruler = margin[decided], (longer if longer_is_better else -longer)[decided] > 0
    right = kept > 0
    asked = [prompt for prompt, counts in zip(prompts, decided, strict=True) if counts]
    found: dict[str, Any] = {
        "pairs": len(kept),
        "ties": int((~decided).sum()),
        "accuracy": proportion(int(right.sum()), len(right)).to_json(),
        "accuracy_by_prompt": clustered(right, asked),
        "length_alone": proportion(int(ruler.sum()), len(ruler)).to_json(),
        "length_rule": "longer is better" if longer_is_better else "shorter is better",
        "above_length": paired_difference(right, ruler).to_json(),
        "loss": float(np.logaddexp(0, -kept).mean()) if len(kept) else None,
        "loss_of_a_coin": math.log(2),
        "by_margin": by_margin(kept),
        "calibration": calibration(kept, 10),
        "length_bias": length_bias(scores, lengths),
    }
    if (~decided).any():
        found["margin_of_ties"] = mean(np.abs(margin[~decided])).to_json()
        found["margin_of_verdicts"] = mean(np.abs(kept)).to_json()
    told = np.array([math.nan if m is None else m for m in (margins or [None] * len(margin))], float)[decided]
    if np.isfinite(told).any():
        found["by_raters_margin"] = by_margin(kept, told)
    return found


def clustered(right: NDArray[np.bool_], prompts: Sequence[str]) -> dict[str, Any]:
    """The share that is right with whole prompts resampled: pairs of one prompt are not independent."""
    hits: dict[str, list[int]] = {}
    for hit, prompt in zip(right, prompts, strict=True):
        hits.setdefault(prompt, []).append(int(hit))
    sums, sizes = [sum(some) for some in hits.values()], [len(some) for some in hits.values()]
    return dict(bootstrap(sums, weights=sizes).to_json())


def by_margin(margin: Numbers, told: Numbers | None = None) -> list[dict[str, Any]]:
    """Accuracy in quarters of the pairs, from the closest calls to the clearest.

    How clear a call is, is the judge's own margin, or what `told` says (the rater's margin; NaN is left out).
    """
    clear = np.abs(margin) if told is None else np.abs(told)
    order = np.argsort(clear, kind="stable")
    order = order[np.isfinite(clear[order])]
    rows = []
    for part in np.array_split(order, QUARTERS):
        if len(part):
            share = proportion(int((margin[part] > 0).sum()), len(part)).to_json()
            rows.append({"from": float(clear[part].min()), "to": float(clear[part].max()), "accuracy": share})
    return rows


def calibration(margin: Numbers, bins: int = 5) -> dict[str, Any]:
    """How often it is right when it says that it is right with p: p = sigmoid(|margin|), in equal bins of .5 to 1.

    "error" is the mean distance between the two over pairs (expected calibration error).
    """
    confidence, right = 1 / (1 + np.exp(-np.abs(margin))), margin > 0
    place = np.minimum(((confidence - 0.5) * 2 * bins).astype(int), bins - 1)
    rows, error = [], 0.0
    for number in range(bins):
        inside = place == number
        if not inside.any():
            continue
        said, was = float(confidence[inside].mean()), proportion(int(right[inside].sum()), int(inside.sum()))
        error += abs(said - was.value) * was.n / len(margin)
        rows.append({"confidence": said, "accuracy": was.to_json()})
    return {"error": error, "bins": rows}


def length_bias(scores: Numbers, lengths: NDArray[np.int64], seed: int = 0, draws: int = 2000) -> dict[str, Any]:
    """How far the score goes with length: Pearson's correlation over all answers, and within pairs, where the prompt is
    the same on both sides (of differences, through zero). Intervals resample pairs.
    """
    if len(scores) < 3:
        return {"over_answers": None, "within_pairs": None}
    generator = np.random.default_rng(seed)
    size = np.log1p(lengths.astype(float))
    drawn = generator.integers(len(scores), size=(draws, len(scores)))
    found = {}
    for name, x, y, centred in (
        ("over_answers", size, scores, True),
        ("within_pairs", size[:, :1] - size[:, 1:], scores[:, :1] - scores[:, 1:], False),
    ):
        value = _correlation(x.ravel(), y.ravel(), centred)
        some = [_correlation(x[part].ravel(), y[part].ravel(), centred) for part in drawn]
        low, high = np.quantile(some, (0.025, 0.975))
        found[name] = {"value": value, "low": float(low), "high": float(high), "n": len(scores)}
    return found


def _correlation(x: Numbers, y: Numbers, centred: bool) -> float:
    if centred:
        x, y = x - x.mean(), y - y.mean()
    size = math.sqrt(float((x * x).sum()) * float((y * y).sum()))
    return float((x * y).sum()) / size if size else 0.0
