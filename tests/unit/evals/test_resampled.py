"""Measures of resamples: what they are by hand, and that a weight is so many copies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.evals.knowledge.resampled import auroc, coded, over_entities, ranks, spearman

ONCE = np.ones(4)


def test_ranks_auroc_and_spearman_are_what_they_are_by_hand() -> None:
    assert ranks(coded([3.0, 1.0, 3.0, 2.0]), ONCE).tolist() == [3.5, 1.0, 3.5, 2.0]
    scores, labels = coded([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])
    assert auroc(scores, labels, ONCE) == pytest.approx(0.75)
    assert auroc(coded(np.ones(4)), labels, ONCE) == 0.5
    assert math.isnan(auroc(scores, np.ones(4), ONCE))
    assert spearman(coded(np.arange(9.0)), coded(np.arange(9.0) ** 3), np.ones(9)) == pytest.approx(1.0)
    assert math.isnan(spearman(coded(np.ones(4)), scores, ONCE))


PROBES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans(), st.integers(0, 3)), min_size=1, max_size=12
)


@given(PROBES)
def test_a_weight_is_so_many_copies(probes: list[tuple[int, int, bool, int]]) -> None:
    """The fast way says what copying each probe as often as it is drawn says."""
    a, b, label, weight = (np.array(column) for column in zip(*probes, strict=True))
    many, once = np.repeat(np.arange(len(probes)), weight), np.ones(int(weight.sum()))
    weights, labels = weight.astype(float), label.astype(float)
    fast = [auroc(coded(a), labels, weights), spearman(coded(a), coded(b), weights)]
    slow = [auroc(coded(a)[many], labels[many], once), spearman(coded(a)[many], coded(b)[many], once)]
    if len(many):
        assert fast == pytest.approx(slow, nan_ok=True)


def test_intervals_are_wider_where_probes_come_in_groups() -> None:
    values = np.repeat(np.random.default_rng(0).random(20), 20)

    def mean(x: np.ndarray, weights: np.ndarray) -> float:
        return float(x @ weights / weights.sum())

    alone = over_entities(mean, [str(i) for i in range(400)], values)
    grouped = over_entities(mean, [str(i // 20) for i in range(400)], values)
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
    assert grouped.value == alone.value
