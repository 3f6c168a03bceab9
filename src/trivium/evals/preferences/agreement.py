"""Agreement between two people on the same comparisons: Cohen's kappa (1960), beyond what chance would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trivium.evals.intervals import proportion

VERDICTS = ("first", "second", "tie")


def agreement(one: Mapping[str, str], other: Mapping[str, str], seed: int = 0, draws: int = 10_000) -> dict[str, Any]:
    """How two people's verdicts (comparison's key -> first, second or tie) agree on the comparisons that both judged.

    Kappa with its interval by resampling comparisons, the raw share with Wilson's, and the table of counts (rows: one).
    """
    shared = [key for key in one if key in other]
    pairs = np.array([(VERDICTS.index(one[key]), VERDICTS.index(other[key])) for key in shared], int).reshape(-1, 2)
    table = np.zeros((3, 3), int)
    np.add.at(table, (pairs[:, 0], pairs[:, 1]), 1)
    hits = int((pairs[:, 0] == pairs[:, 1]).sum())
    found: dict[str, Any] = {
        "both": len(shared),
        "only_one": len(one) - len(shared),
        "only_other": len(other) - len(shared),
        "table": table.tolist(),
        "agreed": proportion(hits, len(shared)).to_json(),
        "kappa": {"value": kappa(table), "low": None, "high": None, "n": len(shared)},
    }
    if len(shared) > 1:
        generator = np.random.default_rng(seed)
        counts = generator.multinomial(len(shared), (table / len(shared)).ravel(), size=draws).reshape(-1, 3, 3)
        values = [value for value in map(kappa, counts) if value is not None]
        if values:
            low, high = np.quantile(values, (0.025, 0.975))
            found["kappa"] |= {"low": float(low), "high": float(high)}
    return found


def kappa(table: NDArray[np.int64]) -> float | None:
    """Cohen's kappa of a table of counts: 1 full agreement, 0 what chance gives; None where chance is always right."""
    total = int(table.sum())
    if not total:
        return None
    seen = float(np.trace(table)) / total
    chance = float((table.sum(0) * table.sum(1)).sum()) / total**2
    return (seen - chance) / (1 - chance) if chance < 1 else None


def verdicts(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Comparison's key -> verdict, from the lines of `trivium compare`'s file; the last word counts, skips do not."""
    return {str(row["key"]): str(row["verdict"]) for row in rows if row.get("verdict") in VERDICTS and "key" in row}
