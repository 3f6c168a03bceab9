from __future__ import annotations

import json
import math

import numpy as np
import pytest

from trivium.evals.intervals import Interval, bootstrap, difference, mean, paired_difference, proportion, student


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_ends(hits: int, n: int, low: float, high: float) -> None:
    # the last three rows are table I of Newcombe (1998), method 3
    found = proportion(hits, n)
    assert (found.value, found.n) == (hits / n, n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(
    ("a", "n", "b", "m", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (10, 10, 0, 20, 0.6791, 1.0),
        (0, 10, 0, 10, -0.2775, 0.2775),
    ],
)
def test_newcombe_gives_the_published_ends(a: int, n: int, b: int, m: int, low: float, high: float) -> None:
    # table II of Newcombe (1998, interval estimation for the difference), method 10
    found = difference(a, n, b, m)
    assert found.value == pytest.approx(a / n - b / m)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


def test_impossible_counts_are_refused() -> None:
    for hits, n in ((2, 1), (-1, 3)):
        with pytest.raises(ValueError, match="hits"):
            proportion(hits, n)


def test_students_points() -> None:
    for freedom, point in ((1, 12.706), (2, 4.303), (30, 2.042), (31, 2.03951), (60, 2.00030), (120, 1.97993)):
        assert student(freedom) == pytest.approx(point, abs=1e-4)


def test_the_mean_of_three_seeds_has_students_interval() -> None:
    found = mean([1.0, 2.0, 3.0])
    assert (found.value, found.n) == (2.0, 3)
    assert found.high - found.value == found.value - found.low == pytest.approx(4.303 / math.sqrt(3))
    assert mean([5.0]) == Interval(5.0, -math.inf, math.inf, 1)


def test_a_pairing_that_never_differs_has_no_width() -> None:
    assert paired_difference([1, 2, 3], [0, 1, 2]) == Interval(1.0, 1.0, 1.0, 3)


def test_the_bootstrap_agrees_with_the_normal_interval_on_many_items() -> None:
    values = np.random.default_rng(5).normal(3, 2, 4000)
    resampled, normal = bootstrap(values), mean(values)
    assert (resampled.low, resampled.high) == pytest.approx((normal.low, normal.high), abs=0.005)


def test_bootstraps_are_the_same_for_the_same_seed() -> None:
    a, b = np.arange(50) % 7, np.arange(50) % 3
    assert paired_difference(a, b, seed=1) == paired_difference(a, b, seed=1) != paired_difference(a, b, seed=2)


def test_weights_make_a_ratio_of_sums() -> None:
    found = paired_difference([10, 30], [5, 15], weights=[10, 10], draws=200)
    assert (found.value, found.low, found.high) == (1.0, 0.5, 1.5)


def test_pairing_a_paired_interval_is_narrower_than_an_unpaired_one() -> None:
    skill = np.random.default_rng(3).random(300)
    a, b = (skill > 0.4).astype(float), (skill > 0.5).astype(float)
    paired, apart = paired_difference(a, b), difference(int(a.sum()), 300, int(b.sum()), 300)
    assert paired.value == pytest.approx(apart.value)
    assert paired.high - paired.low < apart.high - apart.low


def test_unequal_items_are_refused() -> None:
    with pytest.raises(ValueError, match="as many"):
        paired_difference([1, 2], [1])
    with pytest.raises(ValueError, match="weights"):
        bootstrap([1, 2], weights=[1])


def test_no_items_are_said_and_written_as_such() -> None:
    for empty in (proportion(0, 0), difference(0, 0, 1, 2), mean([]), bootstrap([])):
        assert empty.text() == "no items"
        assert json.loads(json.dumps(empty.to_json(), allow_nan=False))["value"] is None


def test_people_read_percent_or_plain_numbers() -> None:
    assert proportion(50, 1000).text() == "5.0 % [3.8, 6.5], n = 1,000"
    assert Interval(2.0, 1.5, 2.25, 3).text(percent=False) == "2 [1.5, 2.25], n = 3"
