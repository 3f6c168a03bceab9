"""Documents into rows of fixed length, as pure functions of a seed: the same seed gives the same rows everywhere.

Two ways. `StreamRows` (pre-training) lays documents end to end in an order drawn anew each epoch and cuts: nothing is
padded, but a document may be cut, and what does not fill a last batch waits for another epoch's order. `PackedRows`
(SFT) fits whole conversations into rows, longest first into the fullest row that has room (best-fit decreasing), so
that none is cut. In both, attention does not cross documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

import numpy as np
import torch

from trivium.text.shards import TokenShard
from trivium.train.batch import Batch


def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """A permutation of `count` things that depends on seed and epoch alone."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(count)


class StreamRows:
    """Batches of rows cut from a shard's documents laid end to end; epoch after epoch.

    With `crossing`, tokens also see the documents before theirs in the row, as one kernel's causal mask would have it.
    """

    regular = True

    def __init__(self, shard: TokenShard, row_tokens: int, rows: int, seed: int, crossing: bool = False) -> None:
        self.shard, self.row_tokens, self.rows, self.seed, self.crossing = shard, row_tokens, rows, seed, crossing
        self.rows_per_epoch = (len(shard.ids) - 1) // row_tokens
        self._epoch = -1

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in one pass over the shard."""
        return max(1, self.rows_per_epoch // self.rows)

    def batch(self, step: int) -> Batch:
        """The rows of a step: every target weighs the same."""
        epoch, index = divmod(step, self.steps_per_epoch)
        self._lay_out(epoch)
        shape = (self.rows, self.row_tokens)
        count = self.rows * self.row_tokens
        if self.rows_per_epoch >= self.rows:
            ids, owner = self._span(index * count, (index + 1) * count + 1)
            inputs, targets, owner = ids[:-1], ids[1:], owner[1:]
        else:  # a shard smaller than a batch: around and around
            ids, owner = self._span(0, len(self.shard.ids))
            take = np.arange(count) % (len(ids) - 1)
            inputs, targets, owner = ids[take], ids[take + 1], owner[take + 1]
        weights = torch.full(shape, 1.0 / count)
        # A token belongs to the document of the token that it predicts: an <|endoftext|> opens the next document.
        documents = None if self.crossing else _tensor(owner.reshape(shape))
        return Batch(_tensor(inputs.reshape(shape)), _tensor(targets.reshape(shape)), weights, documents)

    def _lay_out(self, epoch: int) -> None:
        if epoch == self._epoch:
            return
        offsets = np.asarray(self.shard.offsets)
        self._order = epoch_order(len(offsets) - 1, self.seed, epoch)
        self._starts = np.concatenate([[0], np.cumsum(np.diff(offsets)[self._order])])
        self._epoch = epoch

    def _span(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens `start` to `stop` of the epoch, and the place of each one's document in it."""
        first, last = np.searchsorted(self._starts, [start, stop - 1], side="right") - 1
        parts, lengths = [], []
        for place in range(first, last + 1):
            begin = max(start - self._starts[place], 0)
            end = min(stop, self._starts[place + 1]) - self._starts[place]
            parts.append(self.shard.document(int(self._order[place]))[begin:end])
            lengths.append(end - begin)
        return np.concatenate(parts), np.repeat(np.arange(first, last + 1), lengths)

    def state(self) -> dict[str, Any]:
        """Nothing: a batch is a function of its number."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to take back."""


@dataclass(frozen=True)
class Example:
    """Token ids and, for each, the weight of learning to produce it (0 for what a user said)."""

    ids: Sequence[int]
    weights: Sequence[float]
    more: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Further numbers of each token; all examples of a batch have the same names."""


def pack(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Which examples share a row, best-fit decreasing; each inner list's lengths sum to at most `room`."""
    rows: list[list[int]] = []
    by_space: list[list[int]] = [[] for _ in range(room + 1)]
    spaces = 0
    """Bit s is set where some row has s tokens left: the least s that is enough is found in one step."""
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        length = lengths[index]
        fitting = spaces >> length
        if fitting:
            space = length + (fitting & -fitting).bit_length() - 1
            row = heappop(by_space[space])  # of equally full rows the first
            if not by_space[space]:
                spaces &= ~(1 << space)
        else:
            space, row = room, len(rows)
            rows.append([])
        rows[row].append(index)
        heappush(by_space[space - length], row)
        spaces |= 1 << (space - length)
    return rows


def rows_of(examples: Sequence[Example], groups: Sequence[Sequence[int]], row_tokens: int, pad: int) -> Batch:
    """One batch whose rows are the given groups of examples. Weights are taken as they are."""
    shape = (len(groups), row_tokens)
    more = {name: np.zeros(shape, np.float32) for name in (examples[0].more if examples else ())}
    ids, targets = np.full(shape, pad, np.int64), np.full(shape, pad, np.int64)
    weights, owner = np.zeros(shape, np.float32), np.full(shape, -1, np.int64)
    for row, group in enumerate(groups):
        at = 0
        for index in group:
            example = examples[index]
            length = len(example.ids) - 1
            ids[row, at : at + length] = example.ids[:-1]
            targets[row, at : at + length] = example.ids[1:]
            weights[row, at : at + length] = example.weights[1:]
            owner[row, at : at + length] = index
            for name, values in more.items():
                values[row, at : at + length] = example.more[name][1:]
            at += length
    further = {name: torch.from_numpy(values) for name, values in more.items()}
    return Batch(_tensor(ids), _tensor(targets), torch.from_numpy(weights), _tensor(owner), more=further)


class PackedRows:
    """Batches of whole examples packed into rows, in an order drawn anew each epoch."""

    regular = True

    def __init__(self, examples: Sequence[Example], row_tokens: int, rows: int, seed: int, pad: int) -> None:
        self.examples, self.row_tokens, self.rows, self.seed, self.pad = examples, row_tokens, rows, seed, pad
        self._groups = pack([len(e.ids) - 1 for e in examples], row_tokens)
        self.steps_per_epoch = max(1, -(-len(self._groups) // rows))  # the last batch may be smaller

    def batch(self, step: int) -> Batch:
        """The rows of a step; the loss is a mean over its taught tokens."""
        epoch, index = divmod(step, self.steps_per_epoch)
        order = epoch_order(len(self._groups), self.seed, epoch)
        chosen = order[index * self.rows : (index + 1) * self.rows]
        batch = rows_of(self.examples, [self._groups[i] for i in chosen], self.row_tokens, self.pad)
        weights = batch.weights_BT / batch.weights_BT.sum().clamp(min=1.0)
        return Batch(batch.ids_BT, batch.targets_BT, weights, batch.documents_BT)

    def state(self) -> dict[str, Any]:
        """Nothing: a batch is a function of its number."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to take back."""


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.astype(np.int64))
