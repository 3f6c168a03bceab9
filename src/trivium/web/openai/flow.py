"""One request under way: pieces come from the generation thread, each choice's text unfolds, the end is noticed."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from trivium.generate.engine import Completion
from trivium.text.tokenizer import Tokenizer
from trivium.web.openai.plan import Plan
from trivium.web.openai.unfold import Part, Unfolding
from trivium.web.refusal import Refusal
from trivium.web.worker import Job, Piece, Worker


@dataclass(frozen=True)
class Head:
    """What every body and chunk of one answer begins with."""

    prefix: str
    model: str
    fingerprint: str
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    created: int = field(default_factory=lambda: int(time.time()))

    def fields(self, kind: str) -> dict[str, Any]:
        """Those fields, for an object of a kind."""
        about = {"id": f"{self.prefix}-{self.id}", "object": kind, "created": self.created, "model": self.model}
        return {**about, "system_fingerprint": self.fingerprint}


@dataclass
class Choice:
    """One completion as it unfolds."""

    index: int
    unfolding: Unfolding
    finish: str | None = None
    """"stop", "length" or "tool_calls", once it is over."""
    tokens: int = 0
    completion: Completion | None = None
    """What is told of the prompt, once its first piece is there."""


class Flow:
    """Iterates over (choice, its new parts); a choice comes a last time with its `finish`. Raises Refusal."""

    def __init__(self, worker: Worker, job: Job, plan: Plan, tokenizer: Tokenizer) -> None:
        self.worker, self.job, self.plan, self.tokenizer = worker, job, plan, tokenizer
        self.choices = [Choice(i, Unfolding(tokenizer, plan.reading)) for i in range(len(plan.requests))]
        self._first: Piece | Refusal | None = None

    async def begin(self) -> None:
        """Wait for the first piece, so that what fails before it is still an answer with a status. Raises Refusal."""
        self._first = await self.job.pieces.get()
        if isinstance(self._first, Refusal):
            raise self._first

    def cancel(self) -> None:
        """Let go of the work, and wake whoever waits for it."""
        self.worker.cancel(self.job)
        self.job.pieces.put_nowait(Refusal(499, "The client has closed the connection.", None, "closed"))

    async def __aiter__(self) -> AsyncIterator[tuple[Choice, list[Part]]]:
        """The pieces, unfolded; whatever ends the iteration frees the slots."""
        try:
            while any(choice.finish is None for choice in self.choices):
                piece = self._first if self._first is not None else await self.job.pieces.get()
                self._first = None
                if isinstance(piece, Refusal):
                    raise piece
                choice = self.choices[piece.index]
                if choice.finish is None:
                    yield choice, self._unfold(choice, piece)
        finally:
            self.worker.cancel(self.job)

    def _unfold(self, choice: Choice, piece: Piece) -> list[Part]:
        choice.tokens += len(piece.ids)
        ids, done = piece.ids, piece.done
        ender = done and piece.completion.finish == "stop" and bool(ids) and ids[-1] in self.tokenizer.stops
        parts = choice.unfolding.feed(ids[:-1] if ender else ids, piece.logprobs, piece.top)
        stopped = choice.unfolding.stopped
        if done or stopped:
            parts += choice.unfolding.close()
            if ender and not stopped and not self.plan.reading.chat:  # a document's end is a token like others
                parts.append(Part("content", "", [choice.unfolding.after(ids[-1], piece.logprobs, piece.top)]))
            ended = stopped or (done and piece.completion.finish == "stop")
            choice.finish = "tool_calls" if choice.unfolding.calls and ended else "stop" if ended else "length"
        choice.completion = piece.completion
        return parts

    def usage(self) -> dict[str, Any]:
        """Tokens read and written; a prompt counts once however many completions it has."""
        read, written = sum(map(len, self.plan.prompts)), sum(choice.tokens for choice in self.choices)
        thoughts = sum(choice.unfolding.thoughts for choice in self.choices)
        return {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
            "completion_tokens_details": {"reasoning_tokens": thoughts},
        }
