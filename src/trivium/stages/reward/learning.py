"""Learning from comparisons (Bradley and Terry, 1952): the chosen answer shall score higher than the rejected one.

A pair is one row: the chosen conversation, then the rejected one, as two documents between which attention does not
pass. So however the loop splits a batch into microbatches of rows, it cannot split a pair. The weights mark the last
token of each, with plus and minus one pair's share of the loss: their sign gives the margin, their size the mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from trivium.model.reward import RewardModel
from trivium.stages.reward.comparisons import Comparison
from trivium.text.chat import render
from trivium.text.tokenizer import Tokenizer
from trivium.train.batch import Batch
from trivium.train.packing import epoch_order

SCORED_AT_ONCE = 64


def conversation(tokenizer: Tokenizer, prompt: str, answer: str) -> list[int]:
    """A prompt and its answer as ids, up to the answer's `<|im_end|>`: the token that the score is read at."""
    messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    ids = render(tokenizer, messages).ids
    return ids[: len(ids) - ids[::-1].index(tokenizer.turn_end)]


def preference_loss(model: RewardModel, batch: Batch) -> Tensor:
    """The weighted sum over rows of -log P(chosen beats rejected), nats, a scalar."""
    margins_B = margins(model, batch)
    shares_B = batch.weights_BT.clamp(min=0).sum(1)
    return (shares_B * F.softplus(-margins_B)).sum()


def margins(model: RewardModel, batch: Batch) -> Tensor:
    """Score of the chosen answer minus score of the rejected one, of each row, `(B,)`."""
    scores_BT = model.scores(batch.ids_BT, batch.documents_BT)
    return (scores_BT * batch.weights_BT.sign()).sum(1)


class Pairs:
    """Batches of comparisons, a row each, in an order drawn anew each epoch."""

    regular = False  # rows are as long as their pair

    def __init__(self, pairs: Sequence[tuple[list[int], list[int]]], batch: int, seed: int, pad: int) -> None:
        self.pairs, self.seed, self.pad = pairs, seed, pad
        self.steps_per_epoch = max(1, round(len(pairs) / batch))

    @classmethod
    def of(cls, comparisons: Iterable[Comparison], tokenizer: Tokenizer, batch: int, seed: int) -> Pairs:
        """The comparisons as ids."""
        pairs = [
            (conversation(tokenizer, c.prompt, c.chosen), conversation(tokenizer, c.prompt, c.rejected))
            for c in comparisons
        ]
        return cls(pairs, batch, seed, tokenizer.end_of_text)

    def batch(self, step: int) -> Batch:
        """The rows of a step, as many in each step as divides evenly: all pairs are seen once an epoch."""
        epoch, index = divmod(step, self.steps_per_epoch)
        order = epoch_order(len(self.pairs), self.seed, epoch)
        return self.rows(order[index :: self.steps_per_epoch].tolist())

    def rows(self, chosen: Sequence[int]) -> Batch:
        """A batch of the pairs with these numbers; the loss is their mean."""
        length = max(len(good) + len(bad) for good, bad in (self.pairs[i] for i in chosen))
        shape = (len(chosen), length)
        ids, documents = torch.full(shape, self.pad), torch.full(shape, -1)
        weights = torch.zeros(shape)
        for row, index in enumerate(chosen):
            good, bad = self.pairs[index]
            middle, end = len(good), len(good) + len(bad)
            ids[row, :end] = torch.tensor([*good, *bad])
            documents[row, :middle], documents[row, middle:end] = 0, 1
            weights[row, middle - 1], weights[row, end - 1] = 1 / len(chosen), -1 / len(chosen)
        return Batch(ids, ids, weights, documents)

    def state(self) -> dict[str, Any]:
        """Nothing: a batch is a function of its number."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to take back."""


@torch.no_grad()
def score_all(model: RewardModel, tokenizer: Tokenizer, texts: Sequence[tuple[str, str]]) -> list[float]:
    """The score of each (prompt, answer), in order."""
    rows = [conversation(tokenizer, prompt, answer) for prompt, answer in texts]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    found = [0.0] * len(rows)
    for start in range(0, len(order), SCORED_AT_ONCE):
        some = order[start : start + SCORED_AT_ONCE]
        length = max(len(rows[i]) for i in some)
        padded = [rows[i] + [tokenizer.end_of_text] * (length - len(rows[i])) for i in some]
        scores_BT = model.scores(torch.tensor(padded, device=model.device))
        for row, i in enumerate(some):
            found[i] = scores_BT[row, len(rows[i]) - 1].item()
    return found
