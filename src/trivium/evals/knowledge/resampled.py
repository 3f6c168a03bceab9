"""Measures whose intervals come from resampling: rank correlation, AUROC, and the bootstrap over entities.

A resample is told by how often each probe is in it, so that nothing is copied and values are ranked once: a measure
takes its columns and these weights. Shapes: N probes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trivium.evals.intervals import Interval

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
DRAWS = 1000
"""Resamples of a bootstrap."""


def coded(values_N: ArrayLike) -> Codes:
    """The place of each value among the different ones, from 0 on: all that ranks need of them."""
    return np.unique(np.asarray(values_N, np.float64), return_inverse=True)[1].astype(np.int64)


def ranks(codes_N: Codes, weights_N: Floats) -> Floats:
    """Ranks from 1 on among all drawn; equal values share the mean of theirs."""
    counts = np.bincount(codes_N, weights_N)
    found: Floats = (counts.cumsum() - (counts - 1) / 2)[codes_N]
    return found


def spearman(a_N: Codes, b_N: Codes, weights_N: Floats) -> float:
    """Spearman's rank correlation with ties; NaN where one of the two is constant."""
    x, y = ranks(a_N, weights_N), ranks(b_N, weights_N)
    middle = (weights_N.sum() + 1) / 2  # the mean of all ranks, ties or not
    x, y = x - middle, y - middle
    size = math.sqrt(float((weights_N * x * x).sum()) * float((weights_N * y * y).sum()))
    return float((weights_N * x * y).sum()) / size if size > 0 else math.nan


def auroc(scores_N: Codes, labels_N: Floats, weights_N: Floats) -> float:
    """How probably a positive has a higher score than a negative (Mann and Whitney), ties half; NaN without both."""
    positive = weights_N * (labels_N > 0.5)
    n = float(positive.sum())
    m = float(weights_N.sum()) - n
    if not n or not m:
        return math.nan
    return (float((ranks(scores_N, weights_N) * positive).sum()) - n * (n + 1) / 2) / (n * m)


def over_entities(
    measure: Callable[..., float], entities: Sequence[str], *columns: ArrayLike, seed: int = 0
) -> Interval:
    """A measure of these columns with the percentile bootstrap over entities: all probes of one come or go together.

    `measure` is given the columns as arrays, and after them how often each probe is drawn.
    """
    data: list[NDArray[Any]] = [np.asarray(column) for column in columns]
    value = measure(*data, np.ones(len(entities))) if len(entities) else math.nan
    owners = {name: place for place, name in enumerate(dict.fromkeys(entities))}
    if not math.isfinite(value) or len(owners) < 2:
        return Interval(value, -math.inf, math.inf, len(entities))
    owner = np.array([owners[name] for name in entities])
    generator, found = np.random.default_rng(seed), []
    for _ in range(DRAWS):
        picked = generator.integers(len(owners), size=len(owners))
        drawn = np.bincount(picked, minlength=len(owners)).astype(np.float64)
        found.append(measure(*data, drawn[owner]))
    finite = [one for one in found if math.isfinite(one)]
    low, high = np.quantile(finite, (0.025, 0.975)) if finite else (-math.inf, math.inf)
    return Interval(value, float(low), float(high), len(entities))
