"""Which comparisons share a row and a step.

Both answers of a pair lie in one row, as documents of their own, so no split of a batch into microbatches can part
them, and no token is spent on padding that a shorter pair could fill.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any

from trivium.train.packing import epoch_order


class PackedPairs:
    """The order of comparisons: rows of pairs, shuffled anew each epoch; every step has as many rows as any other."""

    regular = True

    def __init__(self, lengths: Sequence[int], row_tokens: int, batch: int, seed: int) -> None:
        """`lengths` are the pairs' tokens, `batch` about how many pairs a step has."""
        self.row_tokens = max([row_tokens, *lengths])
        self.seed = seed
        self._groups = packed(lengths, self.row_tokens)
        rows = max(1, round(batch * len(self._groups) / max(1, len(lengths))))
        self.steps_per_epoch = max(1, round(len(self._groups) / rows))
        self.rows = -(-len(self._groups) // self.steps_per_epoch)

    def groups(self, step: int) -> list[list[int]]:
        """The pairs in each row of a step; the last rows may be empty, so that all steps have one shape."""
        epoch, index = divmod(step, self.steps_per_epoch)
        order = epoch_order(len(self._groups), self.seed, epoch)
        chosen = [self._groups[i] for i in order[index :: self.steps_per_epoch].tolist()]
        return chosen + [[] for _ in range(self.rows - len(chosen))]

    def all_groups(self) -> list[list[int]]:
        """The pairs in each row, all rows in their first order."""
        return self._groups

    def state(self) -> dict[str, Any]:
        """Nothing: a batch is a function of its number."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to take back."""


def packed(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Which pairs share a row, best-fit decreasing: a row's lengths sum to at most `room`.

    The rows with room left are kept in order, so that 32,000 pairs take a fraction of a second.
    """
    rows: list[list[int]] = []
    free: list[tuple[int, int]] = []  # room left, row
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        place = bisect_left(free, (lengths[index], -1))
        if place < len(free):
            left, row = free.pop(place)
        else:
            left, row = room, len(rows)
            rows.append([])
        rows[row].append(index)
        insort(free, (left - lengths[index], row))
    return rows
