"""A plain engine behind the interface of the one that is being written: every step reads each row anew, no cache."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from trivium.generate.sampling import choose, uniforms
from trivium.model.transformer import Transformer
from trivium.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class ThinkBudget:
    """How long it may think."""

    most: int | None = None


@dataclass(frozen=True)
class Request:
    """What to continue and how."""

    ids: Sequence[int]
    max_new: int
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[int, ...] = ()
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition: float = 1.0
    bias: Mapping[int, float] = field(default_factory=dict)
    stop_strings: tuple[str, ...] = ()
    think: ThinkBudget | None = None
    top_logprobs: int = 0
    prompt_logprobs: bool = False


@dataclass
class Completion:
    """What came."""

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: str = "length"
    top: list[list[tuple[int, float]]] = field(default_factory=list)
    prompt_logprobs: list[float | None] = field(default_factory=list)
    prompt_top: list[list[tuple[int, float]]] = field(default_factory=list)
    forced: list[bool] = field(default_factory=list)
    stop_string: str | None = None


@dataclass(frozen=True)
class Event:
    """`new` ids were appended to a completion since its last event."""

    ticket: int
    completion: Completion
    new: int
    done: bool


class Engine:
    """Samples from a model, a token of each live request a step."""

    def __init__(self, model: Transformer, batch: int = 256, *, tokenizer: Tokenizer | None = None) -> None:
        self.model, self.batch, self.tokenizer = model.eval(), batch, tokenizer
        self._tickets = 0
        self._live: dict[int, tuple[Request, Completion]] = {}
        self._waiting: deque[tuple[int, Request]] = deque()

    @property
    def live(self) -> int:
        """Requests with a slot."""
        return len(self._live)

    @property
    def waiting(self) -> int:
        """Requests without one."""
        return len(self._waiting)

    def add(self, request: Request) -> int:
        """A ticket."""
        self._tickets += 1
        self._waiting.append((self._tickets, request))
        return self._tickets

    def cancel(self, ticket: int) -> None:
        """Free its slot."""
        self._live.pop(ticket, None)
        self._waiting = deque(item for item in self._waiting if item[0] != ticket)

    @torch.no_grad()
    def step(self) -> list[Event]:
        """One token of each live request."""
        while self._waiting and len(self._live) < self.batch:
            ticket, request = self._waiting.popleft()
            self._live[ticket] = (request, Completion())
        events = []
        for ticket, (request, completion) in list(self._live.items()):
            done, before = self._one(request, completion), len(completion.ids)
            del before
            if done:
                del self._live[ticket]
            events.append(Event(ticket, completion, 1 if request.max_new else 0, done))
        return events

    def _one(self, request: Request, completion: Completion) -> bool:
        row = [*request.ids, *completion.ids]
        logits_TV = self.model.logits(self.model(torch.tensor([row], device=self.model.device)))[0].float()
        if request.prompt_logprobs and not completion.ids:
            self._score(request, completion, logits_TV)
        if not request.max_new:
            return True
        logits_BV = logits_TV[-1:].clone()
        for index, amount in request.bias.items():
            logits_BV[0, index] += amount
        if request.top_k:
            logits_BV[logits_BV < logits_BV.topk(request.top_k).values[0, -1]] = -torch.inf
        draw = torch.from_numpy(uniforms(np.array([request.seed & (2**64 - 1)], dtype=np.uint64), len(completion.ids)))
        ids_B, logprobs_B = choose(logits_BV, torch.tensor([float(request.temperature)]), draw)
        completion.ids.append(int(ids_B[0]))
        completion.logprobs.append(float(logprobs_B[0]))
        completion.forced.append(False)
        if request.top_logprobs:
            best = logits_BV[0].log_softmax(-1).topk(request.top_logprobs)
            completion.top.append(list(zip(best.indices.tolist(), best.values.tolist(), strict=True)))
        if completion.ids[-1] in request.stop:
            completion.finish = "stop"
            return True
        if request.stop_strings and self.tokenizer is not None:
            text = self.tokenizer.decode(completion.ids)
            found = [stop for stop in request.stop_strings if stop in text]
            if found:
                completion.finish, completion.stop_string = "stop", min(found, key=text.find)
                return True
        return len(completion.ids) >= request.max_new

    def _score(self, request: Request, completion: Completion, logits_TV: torch.Tensor) -> None:
        completion.prompt_logprobs, completion.prompt_top = [None], [[]]
        logprobs_TV = logits_TV.log_softmax(-1)
        for place, index in enumerate(request.ids[1:]):
            completion.prompt_logprobs.append(float(logprobs_TV[place, index]))
            best = logprobs_TV[place].topk(max(1, request.top_logprobs))
            completion.prompt_top.append(list(zip(best.indices.tolist(), best.values.tolist(), strict=True)))


def spelled(tokenizer: Tokenizer, index: int) -> bytes:
    """The bytes of an id; none for one that the vocabulary does not have (a model may have more rows)."""
    try:
        return tokenizer.decode_bytes([index])
    except (KeyError, OverflowError):
        return b""
