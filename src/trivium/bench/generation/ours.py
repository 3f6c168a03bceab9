"""Our side: the engine on a model in this process, and how far log-probabilities are from the training forward's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch

from trivium.bench.generation.cases import Case
from trivium.generate.engine import Completion, Engine, Request
from trivium.model.transformer import Transformer


@dataclass(frozen=True)
class Measured:
    """What one side said of a case."""

    speed: float
    """Tokens a second that were wanted."""
    seconds: float
    """Of the whole case, prompts included."""
    used: float | None = None
    """Share of the slots' steps whose token was wanted."""

    def to_json(self) -> dict[str, Any]:
        """For the file."""
        return {"speed": round(self.speed, 1), "seconds": round(self.seconds, 3), "used": self.used}


def measured(case: Case, seconds: float, first: float, used: float | None = None) -> Measured:
    """The figures of a case that took so long, and so long for its first tokens."""
    if case.alone:
        return Measured((case.tokens - len(case.prompts)) / (seconds - first), seconds, used)
    return Measured(case.tokens / seconds, seconds, used)


def requests(case: Case) -> list[Request]:
    """The case for our engine."""
    pairs = [(ids, length) for ids, lengths in zip(case.prompts, case.lengths, strict=True) for length in lengths]
    return [Request(ids, length, case.temperature, seed) for seed, (ids, length) in enumerate(pairs)]


def run(engine: Engine, case: Case) -> tuple[Measured, list[Completion]]:
    """The case's figures, after it was run once to make all kernels and graphs ready."""
    engine.run(requests(case.warm_up(torch.cuda.is_available())))
    used, offered = engine.used, engine.offered
    seconds, found = _timed(engine, case)
    used, offered = engine.used - used, engine.offered - offered
    wanted = sum(len(completion.ids) for completion in found)
    first = _timed(engine, case.first())[0] if case.alone else 0.0
    return measured(case, seconds, first, round(min(wanted, used) / offered, 3)), found


def _timed(engine: Engine, case: Case) -> tuple[float, list[Completion]]:
    _wait()
    started = time.perf_counter()
    found = engine.run(requests(case))
    _wait()
    return time.perf_counter() - started, found


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


@torch.no_grad()
def apart(model: Transformer, case: Case, found: list[Completion], most: int = 32) -> dict[str, float]:
    """How far log-probabilities are from the training forward's: the largest and the mean difference, in nats."""
    off: list[torch.Tensor] = []
    training = model.training
    model.train()
    for request, completion in list(zip(requests(case), found, strict=True))[:most]:
        row = torch.tensor([[*request.ids, *completion.ids]], device=model.device)
        logits_TV = model.logits(model(row)[0, len(request.ids) - 1 : -1]) / (request.temperature or 1.0)
        ids = torch.tensor(completion.ids, device=model.device)
        wanted = logits_TV.log_softmax(-1).gather(1, ids[:, None])[:, 0].cpu()
        off.append((torch.tensor(completion.logprobs) - wanted).abs())
    model.train(training)
    every = torch.cat(off)
    return {"largest": float(every.max()), "mean": float(every.mean())}
