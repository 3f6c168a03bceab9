"""What a model did on items, and the figures of a task: accuracy, centred accuracy, intervals.

acc and acc_norm as lm-eval has them: the likeliest choice, and the likeliest for its length in characters; acc_bytes
divides by bytes of UTF-8. Centred accuracy, as in CORE of DataComp-LM (arXiv 2406.11794): 0 for knowing nothing, 1 for
all; below 0 for worse than nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from trivium.evals.benchmarks.forms import FORMS
from trivium.evals.benchmarks.item import Item
from trivium.evals.benchmarks.scoring import Likelihood
from trivium.evals.intervals import Interval, bootstrap, proportion


@dataclass(frozen=True)
class Result:
    """One item with what the model thinks of its choices."""

    item: Item
    digest: str
    """What was shown, hashed: two models' results are compared where it is equal."""
    likelihoods: tuple[Likelihood, ...]
    shots: int = 0

    @property
    def acc(self) -> float:
        """1 when the likeliest choice is right (a continuation: when each of its tokens is the likeliest)."""
        if self.item.kind == "continuation":
            return float(self.likelihoods[0].greedy)
        return float(self.choice == self.item.gold)

    @property
    def choice(self) -> int:
        """The likeliest choice."""
        return _best([likelihood.nats for likelihood in self.likelihoods])

    @property
    def acc_norm(self) -> float | None:
        """1 when the choice likeliest for its length in characters is right; None where choices do not differ so."""
        return self._by([len(choice) for choice in self.item.choices])

    @property
    def acc_bytes(self) -> float | None:
        """The same for the length in bytes."""
        return self._by([len(choice.encode("utf-8", "surrogatepass")) for choice in self.item.choices])

    @property
    def headline(self) -> float:
        """The figure that the task is judged by: acc_norm where lm-eval reports it, acc elsewhere."""
        form, normed = FORMS.get(self.item.task), self.acc_norm
        return normed if form is not None and form.normed and normed is not None else self.acc

    @property
    def chance(self) -> float:
        """The accuracy of knowing nothing."""
        form = FORMS.get(self.item.task)
        if form is not None and form.chance is not None:
            return form.chance
        return 0.0 if self.item.kind == "continuation" else 1 / len(self.item.choices)

    def to_json(self) -> dict[str, Any]:
        """The record of `items.jsonl`."""
        return {
            "id": self.item.id,
            "task": self.item.task,
            "group": self.item.group,
            "shots": self.shots,
            "digest": self.digest,
            "gold": self.item.gold,
            "choice": self.choice,
            "acc": self.acc,
            "acc_norm": self.acc_norm,
            "acc_bytes": self.acc_bytes,
            "headline": self.headline,
            "chance": self.chance,
            "log_likelihoods": [round(likelihood.nats, 6) for likelihood in self.likelihoods],
            "greedy": [likelihood.greedy for likelihood in self.likelihoods],
            "tokens": [likelihood.tokens for likelihood in self.likelihoods],
        }

    def _by(self, lengths: Sequence[int]) -> float | None:
        if self.item.kind != "choice":
            return None
        shares = [likelihood.nats / length for likelihood, length in zip(self.likelihoods, lengths, strict=True)]
        return float(_best(shares) == self.item.gold)


def task_figures(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The figures of one task from its records in `items.jsonl`, intervals by the bootstrap over items."""
    headline = np.array([record["headline"] for record in records])
    chance = float(np.mean([record["chance"] for record in records]))
    form = FORMS.get(records[0]["task"])
    normed = [record["acc_norm"] for record in records]
    figures: dict[str, Any] = {
        "items": len(records),
        "shots": records[0]["shots"],
        "metric": "acc_norm" if form is not None and form.normed and None not in normed else "acc",
        "chance": chance,
        "acc": accuracy([record["acc"] for record in records]).to_json(),
        "acc_norm": None if None in normed or (form is not None and not form.normed) else accuracy(normed).to_json(),
        "centred": centred(accuracy(headline), chance).to_json(),
    }
    if form is not None and form.kind == "continuation":
        mean = bootstrap([-record["log_likelihoods"][0] for record in records])
        figures["perplexity"] = Interval(_exp(mean.value), _exp(mean.low), _exp(mean.high), mean.n).to_json()
    return figures


def accuracy(hits: ArrayLike) -> Interval:
    """The mean of zeros and ones, by the bootstrap; where all are alike, which it takes for certain, Wilson's ends."""
    found = np.asarray(hits, dtype=np.float64)
    if found.size and 0 < found.mean() < 1:
        return bootstrap(found)
    return proportion(int(found.sum()), int(found.size))


def centred(accuracy: Interval, chance: float) -> Interval:
    """(accuracy - chance) / (1 - chance), ends included."""
    ends = (accuracy.value, accuracy.low, accuracy.high)
    value, low, high = ((end - chance) / (1 - chance) for end in ends)
    return Interval(value, low, high, accuracy.n)


def mean_centred(tasks: Sequence[Sequence[dict[str, Any]]], seed: int = 0, draws: int = 2000) -> Interval:
    """The mean over tasks of centred accuracy; items are drawn anew within each task. `n` is the number of tasks."""
    if not tasks:
        return Interval(math.nan, -math.inf, math.inf, 0)
    generator, drawn, values = np.random.default_rng(seed), np.zeros(draws), []
    for records in tasks:
        headline = np.array([record["headline"] for record in records])
        chance = float(np.mean([record["chance"] for record in records]))
        values.append((headline.mean() - chance) / (1 - chance))
        for start in range(draws):
            picked = headline[generator.integers(len(headline), size=len(headline))]
            drawn[start] += (picked.mean() - chance) / (1 - chance) / len(tasks)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(float(np.mean(values)), float(low), float(high), len(tasks))


def _best(values: Sequence[float]) -> int:
    return max(range(len(values)), key=lambda i: (values[i], -i))


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))
