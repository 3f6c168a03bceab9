"""How far a policy has gone from its reference: Kullback and Leibler's divergence, on the policy's own answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trivium.evals.intervals import Interval, mean
from trivium.generate.engine import Engine, Request
from trivium.model.loss import token_logprobs
from trivium.model.transformer import Transformer
from trivium.text.chat import Message, parse, prompt
from trivium.text.tokenizer import Tokenizer

BUDGET = {"cpu": 1 << 13, "cuda": 1 << 17}


@dataclass(frozen=True)
class Drawn:
    """Answers of a policy: prompts and completions as ids, texts, and both models' log-probabilities of the tokens."""

    prompts: list[list[int]]
    completions: list[list[int]]
    texts: list[str]
    policy: list[NDArray[np.float64]]
    reference: list[NDArray[np.float64]]

    def kl(self) -> Interval:
        """Nats an answer: the mean of log policy - log reference, which is unbiased."""
        return mean([float((p - q).sum()) for p, q in zip(self.policy, self.reference, strict=True)])

    def kl_k3(self) -> Interval:
        """The same by Schulman's k3 (exp(-x) - 1 + x a token, x = log policy - log reference): never negative."""
        return mean([float(k3(p, q).sum()) for p, q in zip(self.policy, self.reference, strict=True)])

    def kl_token(self) -> float:
        """Nats a token."""
        tokens = sum(map(len, self.policy))
        return float(sum((p - q).sum() for p, q in zip(self.policy, self.reference, strict=True))) / max(1, tokens)

    def to_json(self) -> dict[str, Any]:
        """For files."""
        lengths = [float(len(ids)) for ids in self.completions]
        return {
            "kl": self.kl().to_json(),
            "kl_k3": self.kl_k3().to_json(),
            "kl_token": self.kl_token(),
            "answer_tokens": mean(lengths).to_json(),
            "distinct_2": distinct(self.texts, 2),
        }


def k3(policy: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Schulman's estimator of the divergence, token by token, nats."""
    gap = policy - reference
    return np.exp(-gap) - 1 + gap


def draw(
    policy: Transformer,
    reference: Transformer,
    tokenizer: Tokenizer,
    prompts: Sequence[Sequence[Message]],
    max_new: int = 64,
    seed: int = 0,
    temperature: float = 1.0,
    engine: Engine | None = None,
) -> Drawn:
    """One answer of `policy` to each prompt, and how likely it is under both. They share the tokenizer.

    An `engine` that has these weights already spares making one.
    """
    asked = [prompt(tokenizer, messages) for messages in prompts]
    requests = [
        Request(ids, max_new, temperature, seed * 1_000_003 + i, tokenizer.stops) for i, ids in enumerate(asked)
    ]
    said = [completion.ids for completion in (engine or Engine(policy)).run(requests)]
    texts = [parse(tokenizer, ids).content.strip() for ids in said]
    told = [logprobs(model, asked, said, tokenizer.end_of_text) for model in (policy, reference)]
    return Drawn(asked, said, texts, *told)


@torch.no_grad()
def logprobs(
    model: Transformer, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], pad: int
) -> list[NDArray[np.float64]]:
    """The log-probabilities (nats) of each completion's tokens after its prompt, by the training forward pass."""
    was, found = model.training, [np.zeros(0)] * len(prompts)
    model.eval()
    sizes = [len(a) + len(b) for a, b in zip(prompts, completions, strict=True)]
    order = sorted(range(len(sizes)), key=lambda i: sizes[i])
    budget, start = BUDGET.get(model.device.type, BUDGET["cpu"]), 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * sizes[order[stop]] <= budget:
            stop += 1
        some = order[start:stop]
        ids = torch.full((len(some), sizes[some[-1]]), pad)
        for row, i in enumerate(some):
            ids[row, : sizes[i]] = torch.tensor([*prompts[i], *completions[i]])
        ids = ids.to(model.device)
        hidden_BTD = model(ids)[:, :-1]
        flat = token_logprobs(
            hidden_BTD.reshape(-1, hidden_BTD.shape[-1]), model.lm_head.weight, ids[:, 1:].reshape(-1)
        )
        rows = flat.view(len(some), -1).double().cpu().numpy()
        for row, i in enumerate(some):
            found[i] = rows[row, len(prompts[i]) - 1 : sizes[i] - 1]
        start = stop
    model.train(was)
    return found


def distinct(texts: Sequence[str], n: int) -> float:
    """Share of all runs of `n` words that are different: a policy that says the same to everyone has few."""
    runs = [tuple(words[i : i + n]) for words in (text.split() for text in texts) for i in range(len(words) - n + 1)]
    return len(set(runs)) / len(runs) if runs else 0.0
