"""One model against another on the same items and documents: what was gained and what was forgotten.

Differences are paired, with bootstrap intervals; "lost" and "gained" are said only where the interval excludes zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trivium.evals.intervals import Interval, paired_difference
from trivium.ground.errors import UsageError

FEW = 5
"""With fewer items resampling says nothing: one item has an interval of no width."""
Records = Sequence[dict[str, Any]]


def compare_tasks(after: Records, before: Records) -> list[dict[str, Any]]:
    """A row a task: both headlines, their difference on the items that both were asked alike, and a verdict.

    Raises UsageError when not one item is shared.
    """
    other = {(record["task"], record["id"], record["digest"]): record for record in before}
    pairs = [
        (record, other[key]) for record in after if (key := (record["task"], record["id"], record["digest"])) in other
    ]
    if after and before and not pairs:
        raise UsageError("The two models share no item asked alike.", "Give both the same data, shots and limit.")
    rows = []
    for task in dict.fromkeys(record["task"] for record, _ in pairs):
        ours = [record["headline"] for record, _ in pairs if record["task"] == task]
        theirs = [old["headline"] for record, old in pairs if record["task"] == task]
        gap = paired_difference(ours, theirs)
        rows.append(_row(task, sum(theirs) / len(theirs), sum(ours) / len(ours), gap, 1))
    return rows


def compare_documents(after: Records, before: Records) -> list[dict[str, Any]]:
    """A row a source: both bits per byte, their difference over the same documents (above zero: worse), a verdict."""
    other = {(record["source"], record["id"], record["bytes"]): record for record in before}
    pairs = [
        (record, other[key]) for record in after if (key := (record["source"], record["id"], record["bytes"])) in other
    ]
    sources = sorted({record["source"] for record, _ in pairs})
    rows = []
    for source in ["all", *sources] if len(sources) > 1 else sources:
        part = [(record, old) for record, old in pairs if source in ("all", record["source"])]
        sizes = [record["bytes"] for record, _ in part]
        ours, theirs = [record["bits"] for record, _ in part], [old["bits"] for _, old in part]
        gap = paired_difference(ours, theirs, weights=sizes)
        rows.append(_row(source, sum(theirs) / sum(sizes), sum(ours) / sum(sizes), gap, -1))
    return rows


def _row(name: str, before: float, after: float, gap: Interval, better: int) -> dict[str, Any]:
    verdict = "no difference seen" if gap.n >= FEW else "too few to tell"
    if gap.n >= FEW and (gap.low > 0 or gap.high < 0):
        verdict = "gained" if gap.value * better > 0 else "lost"
    return {"name": name, "before": before, "after": after, "difference": gap.to_json(), "verdict": verdict}
