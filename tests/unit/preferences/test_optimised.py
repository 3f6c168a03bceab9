"""Best of n, the law, and the distance: against enumeration, planted coefficients, and the sums themselves."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from tiny_training import model as tiny

from trivium.evals.preferences.best_of_n import curve, divergence, doublings, expected, pick_weights
from trivium.evals.preferences.divergence import distinct, k3, logprobs
from trivium.evals.preferences.laws import fit, predicted


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_the_estimator_is_the_mean_over_all_draws(n: int) -> None:
    rng = np.random.default_rng(n)
    proxy, gold = rng.normal(size=(3, 6)), rng.normal(size=(3, 6))
    for row in range(3):
        picks = [max(some, key=lambda i: proxy[row, i]) for some in itertools.combinations(range(6), n)]
        assert expected(proxy, gold, n)[row] == pytest.approx(np.mean([gold[row, i] for i in picks]))
    assert pick_weights(6, n).sum() == pytest.approx(1.0)


def test_equal_scores_share_their_places() -> None:
    gold = np.array([[1.0, 2.0, 3.0, 4.0]])
    assert expected(np.zeros((1, 4)), gold, 3)[0] == pytest.approx(2.5)
    assert expected(np.array([[0.0, 0, 0, 1]]), gold, 4)[0] == 4.0


def test_the_curve_begins_at_the_policy_and_its_distance_is_known() -> None:
    rng = np.random.default_rng(0)
    gold = rng.normal(size=(200, 64))
    proxy = gold + rng.normal(size=gold.shape)
    rows = curve(proxy, gold, doublings(64))
    assert [row["n"] for row in rows] == [1, 2, 4, 8, 16, 32, 64] and rows[0]["kl"] == 0.0
    assert rows[0]["gold"]["value"] == pytest.approx(gold.mean())
    assert [r["gold"]["value"] for r in rows] == sorted(r["gold"]["value"] for r in rows)
    assert divergence(4) == pytest.approx(math.log(4) - 0.75)


@pytest.mark.parametrize("law", ["bon", "rl"])
def test_planted_coefficients_are_found(law: str) -> None:
    kl = np.linspace(0, 25, 12)
    d = np.sqrt(kl)
    rng = np.random.default_rng(0)
    clean = d * (1.0 - 0.15 * d) if law == "bon" else d * (1.0 - 0.6 * np.log(np.maximum(d, 1e-9)))
    found = fit(kl, clean + rng.normal(0, 0.01, 12), law)
    assert found is not None and found["r2"] > 0.99 and found["peak_within"] and found["points"] == 11
    assert found["a"]["value"] == pytest.approx(1.0, abs=0.05)
    assert found["b"]["low"] < (0.15 if law == "bon" else 0.6) < found["b"]["high"]
    best = max(range(12), key=lambda i: clean[i])
    assert abs(math.sqrt(found["peak_kl"]) - d[best]) < 0.6
    assert predicted(found, kl)[best] == pytest.approx(clean[best], abs=0.05)
    assert fit([0, 1, 2], [0, 1, 2], law) is None


def test_log_probabilities_are_the_models_and_the_estimators_agree() -> None:
    model, other = tiny(), tiny(seed=1)
    asked, said = [[1, 2, 3], [4], [5, 6]], [[7, 8], [9, 10, 11], [12]]
    found = logprobs(model, asked, said, 46)
    for before, after, rows in zip(asked, said, found, strict=True):
        with torch.no_grad():
            table = model.logits(model(torch.tensor([[*before, *after]])))[0].log_softmax(-1)
        wanted = [float(table[len(before) - 1 + i, index]) for i, index in enumerate(after)]
        assert rows == pytest.approx(wanted, abs=1e-5)
    same = logprobs(model, asked, said, 46)
    assert all(k3(p, q).sum() == 0 for p, q in zip(found, same, strict=True))
    far = logprobs(other, asked, said, 46)
    assert all((k3(p, q) >= 0).all() for p, q in zip(found, far, strict=True))
    assert distinct(["a b c", "a b c"], 2) == 0.5 and distinct(["a"], 2) == 0.0
