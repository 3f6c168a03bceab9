"""Best of n: what a judge's pick is worth, for every n at once, and how far from the policy it is.

Of N answers to a prompt, sorted by the judge, the i-th worst is the best of a random n of them in C(i-1, n-1) of
C(N, n) draws: so one set of N gives an unbiased figure for each n up to N (2210.10760, appendix I).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trivium.evals.intervals import mean

Scores = NDArray[np.float64]


def divergence(n: int) -> float:
    """The distance of best-of-n from the policy, nats: log n - (n - 1) / n (an upper bound where answers repeat)."""
    return math.log(n) - (n - 1) / n


def pick_weights(size: int, n: int) -> Scores:
    """The probability that the i-th worst of `size` answers is the best of a random `n`, i = 0 ... size - 1."""
    i = np.arange(size)
    logs = np.full(size, -np.inf)
    some = i >= n - 1
    choose = np.vectorize(lambda a, b: math.lgamma(a + 1) - math.lgamma(b + 1) - math.lgamma(a - b + 1))
    logs[some] = choose(i[some], n - 1) - choose(size, n)
    return np.exp(logs)


def expected(proxy: Scores, value: Scores, n: int) -> Scores:
    """For each prompt the expected `value` of the answer that `proxy` picks among n; both are `(prompts, answers)`.

    Answers of one score share their places evenly: which of them is picked is chance.
    """
    weights = pick_weights(proxy.shape[1], n)
    found = np.empty(len(proxy))
    for row, (scores, values) in enumerate(zip(proxy, value, strict=True)):
        _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
        ends = np.cumsum(counts)
        sums = np.concatenate([[0.0], np.cumsum(weights)])
        share = (sums[ends] - sums[ends - counts]) / counts
        found[row] = float((share[place] * values).sum())
    return found


def curve(proxy: Scores, value: Scores, ns: Sequence[int]) -> list[dict[str, Any]]:
    """A row for each n: distance, and mean proxy and value with their intervals over prompts."""
    return [
        {
            "n": n,
            "kl": divergence(n),
            "proxy": mean(expected(proxy, proxy, n)).to_json(),
            "gold": mean(expected(proxy, value, n)).to_json(),
        }
        for n in ns
        if n <= proxy.shape[1]
    ]


def doublings(most: int) -> list[int]:
    """1, 2, 4, ... up to `most`."""
    return [2**i for i in range(most.bit_length()) if 2**i <= most]
