"""A request on its way through the engine."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from trivium.generate.request import Completion, Request
from trivium.generate.spelling import Stopping
from trivium.generate.steps.decode import Standing
from trivium.generate.think import Thinking
from trivium.text.tokenizer import Tokenizer


@dataclass(eq=False)
class Row:
    """One request: where it is in its prompt, in its slot, and what it has said."""

    ticket: int
    request: Request
    completion: Completion = field(default_factory=Completion)
    slot: int = -1
    """-1 while it waits for one."""
    prompt: np.ndarray = field(init=False)
    count: int = 0
    """Tokens of the prompt that are in the slot; all but the last must be before it decodes."""
    source: Row | None = None
    """Another that is reading what this one begins with, and gives it a copy."""
    common: int = 0
    """How many tokens that is."""
    launched: int = 0
    """Tokens that were asked of the device; more than the completion has while a step is on its way."""
    told: int = 0
    """Ids that the last event told of."""
    done: bool = False
    thinking: Thinking | None = None
    stopping: Stopping | None = None

    def __post_init__(self) -> None:
        self.prompt = np.asarray(self.request.ids, dtype=np.int32)
        self.stops = frozenset(self.request.stop)
        self.last = len(self.prompt) - 1
        self.shaped, self.watched, self.most = self.request.shaped, self.request.watched, self.request.max_new
        if self.request.prompt_logprobs:
            self.completion.prompt_logprobs.append(None)
            if self.request.top_logprobs:
                self.completion.prompt_top.append([])

    def watch(self, tokenizer: Tokenizer | None) -> None:
        """Begin to watch over thinking and stop strings, where that was asked for."""
        if self.request.think is not None:
            self.thinking = Thinking(self.request.think, self.request.ids, tokenizer)
        if self.request.stop_strings and tokenizer is not None:
            self.stopping = Stopping(tokenizer, self.request.stop_strings)

    @property
    def ready(self) -> bool:
        """Whether it decodes: all of the prompt but its last token is in the slot."""
        return self.count >= self.last

    @property
    def position(self) -> int:
        """Where the id that the next step reads stands."""
        return self.last + self.launched

    @property
    def standing(self) -> Standing:
        """What its slot decodes with from here on."""
        said = self.completion.ids
        token = said[-1] if said else int(self.prompt[-1])
        return Standing(token, self.position, len(said), float(self.request.temperature), self.request.seed)

    def take(self, sampled: int, logprob: float) -> bool:
        """Note the token of a step; whether another one came in its place, which the device must be told."""
        completion = self.completion
        index, forced = (sampled, False) if self.thinking is None else self.thinking.next(sampled)
        completion.ids.append(index)
        completion.logprobs.append(0.0 if forced else logprob)
        completion.forced.append(forced)
        if index in self.stops:
            completion.finish, self.done = "stop", True
        elif self.stopping is not None:
            completion.stop_string = self.stopping.next(index)
            if completion.stop_string is not None:
                completion.finish, self.done = "stop", True
        self.done = self.done or len(completion.ids) >= self.most
        return forced
