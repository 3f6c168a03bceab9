"""Several answers to one problem: pass@k without bias, and what a majority of them says.

pass@k from n >= k samples, c of them right, is 1 - C(n-c, k) / C(n, k): the share of all choices of k that hold a right
one (Chen et al., 2107.03374). Taking the best of just k samples, or 1 - (1 - c/n)^k, is noisier or biased.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import comb

from trivium.evals.intervals import Interval, bootstrap, paired_difference


def pass_at_k(n: int, right: int, k: int) -> float:
    """The chance that k of n samples, of which so many are right, hold a right one. Raises ValueError for k > n."""
    if not (0 <= right <= n and 1 <= k <= n):
        raise ValueError(f"{k} of {n} samples, {right} of them right.")
    return 1.0 - comb(n - right, k) / comb(n, k)


def steps_to(n: int) -> list[int]:
    """1, 2, 4, … up to n."""
    return [1 << i for i in range(n.bit_length()) if 1 << i <= n]


def passes(right: Sequence[int], n: int) -> dict[int, Interval]:
    """Of each k, pass@k over problems, from how many of n samples were right for each; problems are resampled."""
    return {k: bootstrap([pass_at_k(n, c, k) for c in right]) for k in steps_to(n)}


def passes_gained(after: Sequence[int], before: Sequence[int], n: int) -> dict[int, Interval]:
    """Of each k, pass@k after minus before, paired by problem."""
    return {
        k: paired_difference([pass_at_k(n, c, k) for c in after], [pass_at_k(n, c, k) for c in before])
        for k in steps_to(n)
    }


def majority(answers: Sequence[str | None]) -> str | None:
    """What most samples say, the first of those that are equally frequent; None stands for no answer and has no vote.

    (Self-consistency, 2203.11171.)
    """
    votes = Counter(answer for answer in answers if answer is not None)
    return votes.most_common(1)[0][0] if votes else None
