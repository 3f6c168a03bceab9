"""Learning from comparisons without a judge: the policy's own log-probabilities, against a reference's, are the scores.

DPO (Rafailov et al., 2305.18290), with smoothed labels, and IPO (Azar et al., 2310.12036; on log-probabilities a token,
as its authors advise). Rows are those of text: a conversation is a document, its number is twice the pair's, plus one
for the rejected answer, so a pair is found again in any part of a batch. A weight is the pair's share of the loss on
the answer's tokens, zero on everything else.

The loss is not linear in log-probabilities, but its gradient is their weighted sum: they are computed once without a
gradient, and what they say becomes the weights of the one chunked loss. No pass ever holds all logits.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from trivium.model.loss import token_logprobs, weighted_loss
from trivium.model.transformer import Transformer
from trivium.text.preferences.pairs import Pair
from trivium.train.batch import Batch
from trivium.train.packing import Example, rows_of
from trivium.train.preferences.packed import PackedPairs


class ContrastedPairs(PackedPairs):
    """Batches of comparisons for a policy."""

    def __init__(self, pairs: Sequence[Pair], row_tokens: int, batch: int, seed: int, pad: int) -> None:
        super().__init__([pair.tokens for pair in pairs], row_tokens, batch, seed)
        self.pad = pad
        self.examples = [
            Example(side.ids, [float(taught) for taught in side.mask])
            for pair in pairs
            for side in (pair.chosen, pair.rejected)
        ]

    def batch(self, step: int) -> Batch:
        """The rows of a step; the loss is a mean over its pairs."""
        return self.rows_of(self.groups(step))

    def rows_of(self, groups: Sequence[Sequence[int]]) -> Batch:
        """A batch with these pairs in its rows."""
        sides = [[2 * number + side for number in group for side in (0, 1)] for group in groups]
        batch = rows_of(self.examples, sides, self.row_tokens, self.pad)
        shares = batch.weights_BT / max(1, sum(map(len, groups)))
        return Batch(batch.ids_BT, batch.targets_BT, shares, batch.documents_BT)


def answer_logprobs(model: Transformer, batch: Batch, pairs: int) -> tuple[Tensor, Tensor, Tensor]:
    """Hidden states, and of each answer its log-probability (nats) and its tokens, `(pairs, 2)` without a gradient.

    Pairs that are not in the batch have zeros.
    """
    hidden_BTD = model(batch.ids_BT, documents_BT=batch.documents_BT, spans=batch.spans)
    hidden_ND = hidden_BTD.reshape(-1, hidden_BTD.shape[-1])
    found_N = token_logprobs(hidden_ND, model.lm_head.weight, batch.targets_BT.reshape(-1))
    return hidden_ND, *_by_answer(found_N, batch, pairs)


def _by_answer(found_N: Tensor, batch: Batch, pairs: int) -> tuple[Tensor, Tensor]:
    taught_N = (batch.weights_BT.reshape(-1) > 0).float()
    sums, counts = (
        torch.zeros(2 * pairs + 1, device=found_N.device).index_add(0, _owners(batch, pairs), part_N)[:-1].view(-1, 2)
        for part_N in (found_N * taught_N, taught_N)
    )
    return sums, counts


def _owners(batch: Batch, pairs: int) -> Tensor:
    """The answer that each token belongs to, `(N,)`; padding belongs to one beyond the last."""
    assert batch.documents_BT is not None
    owner_N = batch.documents_BT.reshape(-1)
    return torch.where(owner_N < 0, 2 * pairs, owner_N)


class Contrast:
    """The objective: how much likelier than the reference's the chosen answers became, and the rejected ones less."""

    def __init__(
        self, reference: Tensor, ties: Tensor, beta: float, loss: str = "sigmoid", smoothing: float = 0.0
    ) -> None:
        """`reference` holds the answers' log-probabilities under the reference, `(pairs, 2)`; `ties` `(pairs,)`."""
        self.reference, self.beta, self.loss = reference, beta, loss
        self.doubt = torch.where(ties, 0.5, smoothing)

    def __call__(self, model: Transformer, batch: Batch) -> Tensor:
        """The weighted sum over pairs of the loss, a scalar whose gradient is exact."""
        pairs = len(self.reference)
        hidden_ND, sums, counts = answer_logprobs(model, batch, pairs)
        with torch.no_grad():
            weights_N = batch.weights_BT.reshape(-1)
            owner_N = _owners(batch, pairs)
            share = torch.zeros(2 * pairs + 1, device=sums.device).scatter_reduce(0, owner_N, weights_N, "amax")
            value_P, slope_P2 = self.slopes(sums, counts)
            share_P = share[:-1].view(-1, 2)[:, 0]
            slope_S = torch.cat([(slope_P2 * share_P[:, None]).reshape(-1), slope_P2.new_zeros(1)])
            pull_N = slope_S[owner_N] * (weights_N > 0)
            value = (value_P * share_P).sum()
        # The chunked loss sums minus log-probabilities: a slope is a weight with its sign turned.
        carried = weighted_loss(hidden_ND, model.lm_head.weight, batch.targets_BT.reshape(-1), -pull_N)
        return carried + (value - carried).detach()

    def slopes(self, sums: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Each pair's loss, `(pairs,)`, and its slope in both answers' log-probabilities, `(pairs, 2)`."""
        reference, doubt = self.reference.to(sums.device), self.doubt.to(sums.device)
        gain = sums - reference
        if self.loss == "ipo":
            size = counts.clamp(min=1)
            margin = (gain / size)[:, 0] - (gain / size)[:, 1]
            goal = (1 - 2 * doubt) / (2 * self.beta)
            slope = (2 * (margin - goal))[:, None] / size
            return (margin - goal) ** 2, slope * slope.new_tensor([1.0, -1.0])
        margin = self.beta * (gain[:, 0] - gain[:, 1])
        value = -(1 - doubt) * F.logsigmoid(margin) - doubt * F.logsigmoid(-margin)
        slope = self.beta * (doubt - torch.sigmoid(-margin))
        return value, torch.stack([slope, -slope], 1)

    def rewards(self, sums: Tensor) -> Tensor:
        """The implicit rewards beta (log pi - log reference), `(pairs, 2)`."""
        return self.beta * (sums - self.reference.to(sums.device))


@torch.no_grad()
def all_logprobs(model: Transformer, source: ContrastedPairs, rows_tokens: int = 1 << 14) -> tuple[Tensor, Tensor]:
    """Of every answer the log-probability under `model` and its tokens, both `(pairs, 2)`, on the CPU."""
    model.eval()
    pairs = len(source.examples) // 2
    groups = source.all_groups()
    at_once = max(1, rows_tokens // source.row_tokens)
    sums, counts = torch.zeros(pairs, 2), torch.zeros(pairs, 2)
    for start in range(0, len(groups), at_once):
        batch = source.rows_of(groups[start : start + at_once])
        _, some, tokens = answer_logprobs(model, batch.rows(0, len(batch.ids_BT), model.device), pairs)
        sums, counts = sums + some.cpu(), counts + tokens.cpu()
    return sums, counts
