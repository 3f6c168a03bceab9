"""Every figure with its 95 % interval: proportions, means, differences. Bootstraps are seeded: same items, same ends.

Wilson's score interval (1927) for a proportion, Newcombe's hybrid of two of them (1998, method 10) for a difference of
independent proportions, Student's t for a mean, the percentile bootstrap over items (Efron 1979) for what is paired.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Z = 1.959963984540054
"""The normal distribution's 97.5 % point."""
STUDENT = (
    12.706,
    4.303,
    3.182,
    2.776,
    2.571,
    2.447,
    2.365,
    2.306,
    2.262,
    2.228,
    2.201,
    2.179,
    2.160,
    2.145,
    2.131,
    2.120,
    2.110,
    2.101,
    2.093,
    2.086,
    2.080,
    2.074,
    2.069,
    2.064,
    2.060,
    2.056,
    2.052,
    2.048,
    2.045,
    2.042,
)
"""Student's 97.5 % points for 1..30 degrees of freedom."""
CELLS = 2_000_000
"""At most this many resampled items in memory at once."""


@dataclass(frozen=True)
class Interval:
    """A value between the ends of its 95 % interval, from `n` items. What no item could tell is NaN or infinite."""

    value: float
    low: float
    high: float
    n: int

    def text(self, percent: bool = True) -> str:
        """For people: "83.1 % [79.0, 86.6], n = 500", or plain numbers when not `percent`."""
        if not math.isfinite(self.value):
            return "no items"
        if percent:
            return f"{100 * self.value:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}], n = {self.n:,}"
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}], n = {self.n:,}"

    def to_json(self) -> dict[str, float | int | None]:
        """For files: NaN and infinities, which JSON lacks, become None."""
        ends = {"value": self.value, "low": self.low, "high": self.high}
        return {**{key: end if math.isfinite(end) else None for key, end in ends.items()}, "n": self.n}


def proportion(hits: int, n: int) -> Interval:
    """Wilson's interval of `hits` among `n`. No items give NaN within 0..1. Raises ValueError for hits beyond 0..n."""
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} hits among {n} items.")
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, 0)
    share, square = hits / n, Z * Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    reach = Z * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    low = 0.0 if hits == 0 else middle - reach
    return Interval(share, low, 1.0 if hits == n else middle + reach, n)


def difference(hits_a: int, n_a: int, hits_b: int, n_b: int) -> Interval:
    """Share a minus share b of two independent sets of items; `n` is the smaller set's."""
    a, b = proportion(hits_a, n_a), proportion(hits_b, n_b)
    if n_a == 0 or n_b == 0:
        return Interval(math.nan, -1.0, 1.0, 0)
    gap = a.value - b.value
    low = gap - math.hypot(a.value - a.low, b.high - b.value)
    high = gap + math.hypot(a.high - a.value, b.value - b.low)
    return Interval(gap, low, high, min(n_a, n_b))


def mean(values: Sequence[float] | NDArray[np.float64]) -> Interval:
    """The mean with Student's interval: the right one for three seeds as for a thousand items.

    One value has an infinite interval; no values give NaN.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.size == 0:
        return Interval(math.nan, -math.inf, math.inf, 0)
    middle = float(data.mean())
    if data.size == 1:
        return Interval(middle, -math.inf, math.inf, 1)
    reach = student(data.size - 1) * float(data.std(ddof=1)) / math.sqrt(data.size)
    return Interval(middle, middle - reach, middle + reach, int(data.size))


def student(freedom: int) -> float:
    """Student's 97.5 % point (beyond 30 degrees of freedom by Cornish and Fisher's expansion, error < 1e-4)."""
    if freedom <= len(STUDENT):
        return STUDENT[freedom - 1]
    return Z + (Z**3 + Z) / (4 * freedom) + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * freedom**2)


def bootstrap(values: ArrayLike, seed: int = 0, draws: int = 10_000, weights: ArrayLike | None = None) -> Interval:
    """The sum of values over the sum of weights (each 1 by default: the mean), items resampled `draws` times.

    With weights: bits per byte from each document's bits and bytes. No items give NaN.
    """
    data = np.asarray(values, dtype=np.float64)
    sizes = np.ones_like(data) if weights is None else np.asarray(weights, dtype=np.float64)
    if data.shape != sizes.shape or data.ndim != 1:
        raise ValueError(f"Values of shape {data.shape} and weights of shape {sizes.shape} are not two equal rows.")
    if data.size == 0:
        return Interval(math.nan, -math.inf, math.inf, 0)
    generator, means = np.random.default_rng(seed), np.empty(draws)
    step = max(1, CELLS // data.size)
    for start in range(0, draws, step):
        picked = generator.integers(data.size, size=(min(step, draws - start), data.size))
        means[start : start + len(picked)] = data[picked].sum(1) / sizes[picked].sum(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(data.sum() / sizes.sum()), float(low), float(high), int(data.size))


def paired_difference(
    a: ArrayLike, b: ArrayLike, seed: int = 0, draws: int = 10_000, weights: ArrayLike | None = None
) -> Interval:
    """First minus second on the same items: mean difference (or their sum over the sum of weights), items resampled.

    Raises ValueError when the two are not measured on equally many items.
    """
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if left.shape != right.shape:
        raise ValueError(f"Paired items must be as many: {left.shape} and {right.shape}.")
    return bootstrap(left - right, seed, draws, weights)
