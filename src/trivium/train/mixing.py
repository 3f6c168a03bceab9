"""Conversations of several sources, each read so many times an epoch, packed whole into rows.

A weight is passes an epoch: of a source of weight 0.5 half the conversations are read in one epoch and the other half
in the next; of weight 2 all are read twice. What is read when is a pure function of seed and epoch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trivium.train.batch import Batch
from trivium.train.packing import Example, epoch_order, pack, rows_of

NOISE_STRIDE = 1 << 16
"""Between the seeds of two steps' noise: more than a batch has rows."""


@dataclass(frozen=True)
class Part:
    """One source's conversations, and how many times an epoch reads them."""

    examples: Sequence[Example]
    weight: float = 1.0


class MixedRows:
    """Batches of whole examples packed into rows, epoch after epoch, `epochs` of them."""

    regular = True

    def __init__(
        self, parts: Sequence[Part], row_tokens: int, rows: int, seed: int, pad: int, epochs: int, noise: bool = False
    ) -> None:
        self.row_tokens, self.rows, self.seed, self.pad, self.noise = row_tokens, rows, seed, pad, noise
        self.examples = [example for part in parts for example in part.examples]
        self.picks = [picks_of(parts, seed, epoch) for epoch in range(epochs)]
        lengths = [len(example.ids) - 1 for example in self.examples]
        self._groups = [pack([lengths[i] for i in picks], row_tokens) for picks in self.picks]
        counts = [-(-len(groups) // rows) for groups in self._groups]  # an epoch's last batch may be smaller
        self._starts = np.concatenate([[0], np.cumsum(counts)])

    @property
    def steps(self) -> int:
        """Batches of all epochs."""
        return int(self._starts[-1])

    @property
    def filled(self) -> float:
        """Share of the rows' tokens that are conversations, not padding."""
        tokens = sum(len(self.examples[i].ids) - 1 for picks in self.picks for i in picks)
        return tokens / max(1, sum(map(len, self._groups)) * self.row_tokens)

    def batch(self, step: int) -> Batch:
        """The rows of a step; the loss is a mean over its taught tokens."""
        epoch = int(np.searchsorted(self._starts, step, side="right")) - 1
        groups, picks = self._groups[epoch], self.picks[epoch]
        order = epoch_order(len(groups), self.seed, epoch)
        first = (step - int(self._starts[epoch])) * self.rows
        chosen: list[Example] = []
        places: list[range] = []
        for group in (groups[i] for i in order[first : first + self.rows]):
            places.append(range(len(chosen), len(chosen) + len(group)))
            chosen += [self.examples[picks[place]] for place in group]
        batch = rows_of(chosen, places, self.row_tokens, self.pad)  # numbered by place: one may stand in a row twice
        weights = batch.weights_BT / batch.weights_BT.sum().clamp(min=1.0)
        seed = ((self.seed + 1) << 40) + step * NOISE_STRIDE if self.noise else None
        return dataclasses.replace(batch, weights_BT=weights, seed=seed)

    def state(self) -> dict[str, Any]:
        """Nothing: a batch is a function of its number."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to take back."""


def picks_of(parts: Sequence[Part], seed: int, epoch: int) -> list[int]:
    """Which examples an epoch reads, as places among those of all parts laid end to end.

    Each part is an endless sequence of shuffles of itself, and an epoch reads on where the last one ended.
    """
    found: list[int] = []
    offset = 0
    for number, part in enumerate(parts):
        count = len(part.examples)
        start, stop = (round(part.weight * count * at) for at in (epoch, epoch + 1))
        for turn in range(start // count, -(-stop // count)) if count else ():
            order = epoch_order(count, seed + 7919 * number, turn)
            found += [offset + int(i) for i in order[max(0, start - turn * count) : stop - turn * count]]
        offset += count
    return found
