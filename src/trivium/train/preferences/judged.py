"""Learning to judge (Bradley and Terry, 1952): the chosen answer shall score higher than the rejected one.

Rows hold several pairs. Where a chosen answer ends, the weight is the pair's share of the loss and the target the place
in the row where its rejected answer ends; everywhere else the weight is zero. A tie has a negative weight: it counts as
half a victory for either side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from trivium.model.reward import RewardModel
from trivium.text.preferences.pairs import Pair
from trivium.train.batch import Batch
from trivium.train.preferences.packed import PackedPairs


class JudgedPairs(PackedPairs):
    """Batches of comparisons for a reward model."""

    def __init__(self, pairs: Sequence[Pair], row_tokens: int, batch: int, seed: int, pad: int) -> None:
        super().__init__([pair.tokens for pair in pairs], row_tokens, batch, seed)
        self.pairs, self.pad = pairs, pad

    def batch(self, step: int) -> Batch:
        """The rows of a step; the loss is a mean over its pairs."""
        groups = self.groups(step)
        share = 1.0 / max(1, sum(map(len, groups)))
        shape = (len(groups), self.row_tokens)
        ids, owner = np.full(shape, self.pad, np.int64), np.full(shape, -1, np.int64)
        partner, weights = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        for row, group in enumerate(groups):
            at = 0
            for number in group:
                pair = self.pairs[number]
                middle, end = at + len(pair.chosen.ids), at + pair.tokens
                ids[row, at:middle], ids[row, middle:end] = pair.chosen.ids, pair.rejected.ids
                owner[row, at:middle], owner[row, middle:end] = 2 * number, 2 * number + 1
                partner[row, middle - 1], weights[row, middle - 1] = end - 1, -share if pair.tie else share
                at = end
        given, targets, shares, owners = (torch.from_numpy(part) for part in (ids, partner, weights, owner))
        return Batch(given, targets, shares, owners)


def judged_loss(model: RewardModel, batch: Batch) -> Tensor:
    """The weighted sum over pairs of -log P(the verdict), nats, a scalar."""
    scores_BT = model.scores(batch.ids_BT, batch.documents_BT, batch.spans)
    margins_BT = scores_BT - scores_BT.gather(1, batch.targets_BT)
    won_BT, lost_BT = F.softplus(-margins_BT), F.softplus(margins_BT)
    tied_BT = (won_BT + lost_BT) / 2
    weights_BT = batch.weights_BT
    return (weights_BT.clamp(min=0) * won_BT + (-weights_BT).clamp(min=0) * tied_BT).sum()
