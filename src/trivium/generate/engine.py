"""Batched sampling: requests in, completions out, in the same order.

Requests are served in batches of similar prompt length. Equal prompts (a group of samples) are read once and their
cache shared out; rows that have ended are dropped from the batch as soon as a quarter of it has. Prompts of different
length stand side by side: each row has its own position and sees only its own tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from trivium.generate.sampling import choose, uniforms
from trivium.ground.errors import UsageError
from trivium.ground.progress import Progress
from trivium.model.cache import Cache
from trivium.model.transformer import Transformer


@dataclass(frozen=True)
class Request:
    """What to continue and how. Temperature 0 is greedy."""

    ids: Sequence[int]
    max_new: int
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[int, ...] = ()
    """Token ids that end the completion (and are its last id)."""


@dataclass
class Completion:
    """What came: ids (the stop token included), their log-probabilities in nats, and why it ended."""

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: str = "length"
    """"stop" or "length"."""


class Engine:
    """Samples from a model. The weights are cast once, when the engine is made: make a new one after an update."""

    def __init__(self, model: Transformer, batch: int = 256) -> None:
        self.batch = batch
        self.model = cast(model)

    @torch.no_grad()
    def run(self, requests: Sequence[Request], bar: Progress | None = None) -> list[Completion]:
        """One completion for each request, in order. `bar` is advanced by a completion at a time."""
        if any(not request.ids for request in requests):
            raise UsageError("A request has no ids.", "Begin an empty document with <|endoftext|>.")
        completions = [Completion() for _ in requests]
        order = sorted(range(len(requests)), key=lambda i: (len(requests[i].ids), tuple(requests[i].ids), i))
        for start in range(0, len(order), self.batch):
            chosen = order[start : start + self.batch]
            _Wave(self.model, [requests[i] for i in chosen], [completions[i] for i in chosen]).run()
            if bar is not None:
                bar.advance(len(chosen))
        return completions


def cast(model: Transformer) -> Transformer:
    """A copy of the model whose weights are in its compute dtype (the model itself when they are already)."""
    if model.compute_dtype == torch.float32:
        return model.eval()
    copy = Transformer(model.config, model.compute_dtype).to(model.device, model.compute_dtype)
    copy.load_state_dict(model.state_dict())
    return copy.eval()


class _Wave:
    """One batch of requests, from prompt to the last row's end."""

    def __init__(self, model: Transformer, requests: list[Request], completions: list[Completion]) -> None:
        self.model, self.requests, self.completions = model, requests, completions
        device = model.device
        self.rows = list(range(len(requests)))
        self.lengths = torch.tensor([len(r.ids) for r in requests], device=device)
        self.temperatures = torch.tensor([float(r.temperature) for r in requests], device=device)
        self.seeds = np.array([r.seed & (2**64 - 1) for r in requests], dtype=np.uint64)
        self.stops = [set(r.stop) for r in requests]
        self.limits = [r.max_new for r in requests]

    def run(self) -> None:
        logits_BV, cache = self._read_prompts()
        index = 0
        while self.rows:
            draws = torch.from_numpy(uniforms(self.seeds, index)).to(logits_BV.device)
            ids_B, logprobs_B = choose(logits_BV, self.temperatures, draws)
            alive = self._record(ids_B.tolist(), logprobs_B.tolist(), index)
            index += 1
            if not any(alive):
                return
            if sum(alive) <= 0.75 * len(alive):
                keep = torch.tensor([i for i, a in enumerate(alive) if a], device=ids_B.device)
                ids_B = ids_B[keep]
                cache.keep(keep)
                self._keep(keep.tolist())
            positions_B1 = (self.lengths + index - 1)[:, None]
            hidden_B1D = self.model(ids_B[:, None], positions_B1, cache=cache)
            logits_BV = self.model.logits(hidden_B1D[:, 0])

    def _read_prompts(self) -> tuple[Tensor, Cache]:
        model, device = self.model, self.model.device
        prompts = list(dict.fromkeys(tuple(r.ids) for r in self.requests))
        where = {prompt: i for i, prompt in enumerate(prompts)}
        longest = max(len(p) for p in prompts)
        ids_PT = torch.tensor([list(p) + [0] * (longest - len(p)) for p in prompts], device=device)
        positions_PT = torch.arange(longest, device=device).expand(len(prompts), longest)
        slots = longest + max(self.limits)
        cache = Cache(model.config, len(prompts), slots, model.compute_dtype, device)
        hidden_PTD = model(ids_PT, positions_PT, cache=cache)
        rows = torch.tensor([where[tuple(r.ids)] for r in self.requests], device=device)
        if len(prompts) < len(self.requests):
            cache.keep(rows)
        return model.logits(hidden_PTD[rows, self.lengths - 1]), cache

    def _record(self, ids: list[int], logprobs: list[float], index: int) -> list[bool]:
        """Append each live row's token; which rows go on."""
        alive = []
        for row, token, logprob in zip(self.rows, ids, logprobs, strict=True):
            completion = self.completions[row]
            going = completion.finish == "length" and index < self.limits[row]
            if going:
                completion.ids.append(token)
                completion.logprobs.append(logprob)
                if token in self.stops[row]:
                    completion.finish = "stop"
                going = completion.finish == "length" and index + 1 < self.limits[row]
            alive.append(going)
        return alive

    def _keep(self, keep: list[int]) -> None:
        self.rows = [self.rows[i] for i in keep]
        self.lengths, self.temperatures = self.lengths[keep], self.temperatures[keep]
        self.seeds = self.seeds[keep]
