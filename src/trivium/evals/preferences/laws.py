"""The law of over-optimisation (Gao et al., 2210.10760), fitted: d is the root of the divergence from the policy.

Best of n: R(d) = d (a - b d). RL: R(d) = d (a - b log d). Both are linear in a and b, so least squares has one answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

LAWS = ("bon", "rl")


def fit(
    kl: Sequence[float], gain: Sequence[float], law: str, seed: int = 0, draws: int = 2000
) -> dict[str, Any] | None:
    """The law through points (divergence in nats, gain over the policy): a, b with intervals, R2, and its peak.

    Points at no distance say nothing and are left out; None with fewer than three others. Intervals resample points.
    """
    d = np.sqrt(np.maximum(np.asarray(kl, float), 0.0))
    y = np.asarray(gain, float)[d > 0]
    d = d[d > 0]
    if len(d) < 3:
        return None
    forms = _forms(d, law)
    (a, b), *_ = np.linalg.lstsq(forms, y, rcond=None)
    rest, spread = float(((y - forms @ [a, b]) ** 2).sum()), float(((y - y.mean()) ** 2).sum())
    generator, found = np.random.default_rng(seed), []
    for part in generator.integers(len(d), size=(draws, len(d))):
        if len(set(d[part])) > 2:
            found.append(np.linalg.lstsq(forms[part], y[part], rcond=None)[0])
    low, high = np.quantile(np.array(found), (0.025, 0.975), axis=0) if found else ([None] * 2, [None] * 2)
    peak = _peak(float(a), float(b), law)
    return {
        "law": law,
        "a": {"value": float(a), "low": _plain(low[0]), "high": _plain(high[0])},
        "b": {"value": float(b), "low": _plain(low[1]), "high": _plain(high[1])},
        "r2": 1 - rest / spread if spread else None,
        "points": len(d),
        "peak_kl": None if peak is None else peak**2,
        "peak_within": bool(peak is not None and peak <= d.max()),
    }


def predicted(found: dict[str, Any], kl: Sequence[float]) -> list[float]:
    """The law's gain at each divergence."""
    d = np.sqrt(np.maximum(np.asarray(kl, float), 1e-12))
    return [float(v) for v in _forms(d, found["law"]) @ [found["a"]["value"], found["b"]["value"]]]


def _forms(d: np.ndarray, law: str) -> np.ndarray:
    return np.stack([d, -d * d if law == "bon" else -d * np.log(d)], 1)


def _peak(a: float, b: float, law: str) -> float | None:
    """Where the law is highest, in d; None where it never turns down."""
    if b <= 0:
        return None
    if law == "bon":
        return a / (2 * b) if a > 0 else None
    return float(np.exp(np.clip(a / b - 1, -50, 50)))


def _plain(value: Any) -> float | None:
    return None if value is None else float(value)
