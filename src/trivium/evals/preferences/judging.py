"""A reward model at work: the scores of texts, in batches of about one length; and several judges as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from trivium.ground.config import check
from trivium.ground.progress import Progress
from trivium.model.reward import RewardModel, load_reward
from trivium.text.chat import Message
from trivium.text.preferences.pairs import Pair, encode
from trivium.text.tokenizer import Tokenizer

Scores = NDArray[np.float64]
Prompt = str | Sequence[Message]
BUDGET = {"cpu": 1 << 13, "cuda": 1 << 17}
"""Tokens in a batch, by device."""
WAYS = ("mean", "min", "wary")


class Scorer(Protocol):
    """Whatever scores answers: a reward model, several of them, or a rule."""

    def __call__(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> Scores:
        """One score for each prompt and its answer, higher is better."""
        ...


class Judge:
    """A reward model with its tokenizer."""

    def __init__(self, model: RewardModel, tokenizer: Tokenizer) -> None:
        self.model, self.tokenizer = model, tokenizer

    @classmethod
    def open(cls, folder: Path, device: torch.device, dtype: torch.dtype = torch.float32) -> Judge:
        """The judge of a reward stage's folder. Raises ArtifactError for a folder that holds none."""
        return cls(load_reward(folder, device, dtype), Tokenizer.open(folder))

    def __call__(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> Scores:
        """One score for each prompt and its answer; the answer ends its turn."""
        return self.of_ids(
            [
                encode(self.tokenizer, messages_of(asked), [{"role": "assistant", "content": said}]).ids
                for asked, said in zip(prompts, answers, strict=True)
            ]
        )

    @torch.no_grad()
    def of_ids(self, texts: Sequence[Sequence[int]], bar: Progress | None = None) -> Scores:
        """The score at the last id of each text, whatever else is in its batch (to the last bits)."""
        self.model.eval()
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        found = np.zeros(len(texts))
        budget = BUDGET.get(self.model.device.type, BUDGET["cpu"])
        start = 0
        while start < len(order):
            stop = start + 1
            while stop < len(order) and (stop + 1 - start) * len(texts[order[stop]]) <= budget:
                stop += 1
            some = order[start:stop]
            length = max(len(texts[i]) for i in some)
            ids = np.full((len(some), length), self.tokenizer.end_of_text, np.int64)
            for row, i in enumerate(some):
                ids[row, : len(texts[i])] = texts[i]
            scores_BT = self.model.scores(torch.from_numpy(ids).to(self.model.device))
            last = torch.tensor([[len(texts[i]) - 1] for i in some], device=scores_BT.device)
            found[some] = scores_BT.gather(1, last)[:, 0].double().cpu().numpy()
            if bar is not None:
                bar.advance(len(some))
            start = stop
        return found

    def of_pairs(self, pairs: Sequence[Pair]) -> Scores:
        """Scores of the chosen and of the rejected answers, `(pairs, 2)`."""
        return self.of_ids([side.ids for pair in pairs for side in (pair.chosen, pair.rejected)]).reshape(-1, 2)


class Ensemble:
    """Several judges as one. Their scores are put on one scale first: that of each on the texts given to `fit`.

    `mean` is their mean, `min` the worst opinion, `wary` the mean minus the variance (2310.02743's uncertainty-weighted
    objective with a weight of 1).
    """

    def __init__(self, judges: Sequence[Scorer], way: str = "mean") -> None:
        check(way in WAYS, "way", way, f"Use one of {', '.join(WAYS)}.")
        check(len(judges) > 0, "judges", len(judges), "Give one or more.")
        self.judges, self.way = judges, way
        self.scales = [(0.0, 1.0)] * len(judges)

    def fit(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> Ensemble:
        """Take each judge's mean and deviation over these texts as its zero and its one."""
        told = [judge(prompts, answers) for judge in self.judges]
        self.scales = [(float(scores.mean()), float(scores.std()) or 1.0) for scores in told]
        return self

    def __call__(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> Scores:
        """Their common score."""
        told = zip(self.judges, self.scales, strict=True)
        return self.joined(np.stack([(judge(prompts, answers) - zero) / one for judge, (zero, one) in told]))

    def joined(self, scores: Scores) -> Scores:
        """One score from each column of `(judges, texts)`."""
        if self.way == "min":
            return scores.min(0)
        return scores.mean(0) - (scores.var(0) if self.way == "wary" else 0.0)


def messages_of(asked: Prompt) -> list[Message]:
    """A prompt as messages."""
    return [{"role": "user", "content": asked}] if isinstance(asked, str) else list(asked)
