"""From a completion's ids to text that may be shown, piece by piece.

No piece ends inside a character, and none holds the beginning of a stop string that may still come. Thoughts, what is
said, and tool calls are told apart. What is streamed and what is sent whole come through here alike.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from trivium.text.tokenizer import THINK, THINK_END, Tokenizer

Kind = Literal["content", "reasoning_content"]


@dataclass(frozen=True)
class Token:
    """One token with its log-probability and where its text stands."""

    id: int
    logprob: float
    top: list[tuple[int, float]]
    start: int
    """Characters before it."""
    end: int


@dataclass
class Part:
    """Text of one kind, and the tokens that it ended with."""

    kind: Kind
    text: str
    tokens: list[Token] = field(default_factory=list)


class Unfolding:
    """The state of one completion's text."""

    def __init__(self, tokenizer: Tokenizer, stops: Sequence[str], *, chat: bool, thinking: bool = False) -> None:
        """`chat`: think tags are structure. `thinking`: the prompt has opened the thoughts."""
        self.tokenizer, self.stops = tokenizer, tuple(stops)
        self.kind: Kind = "reasoning_content" if thinking else "content"
        self.stopped = False
        """Whether a stop string has come."""
        self.thoughts = 0
        """Tokens that were thoughts, their tags included."""
        self._special = {tokenizer.special[name]: name for name in (THINK, THINK_END) if name in tokenizer.special}
        self._special = self._special if chat else {}
        self._trims = chat and tokenizer.template is not None  # foreign templates put blanks around thoughts
        self._fresh = True
        self._begun = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._shown = 0
        self._waiting: deque[Token] = deque()

    def feed(self, ids: Sequence[int], logprobs: Sequence[float], top: Sequence[list[tuple[int, float]]]) -> list[Part]:
        """What can be shown now. `top` may be empty. Ids that end the completion must not come in."""
        parts: list[Part] = []
        for place, index in enumerate(ids):
            if self.stopped:
                break
            name = self._special.get(index)
            self.thoughts += self.kind == "reasoning_content" or (name == THINK and not self._begun)
            if name == THINK and not self._begun and self.kind == "content":
                self._turn("reasoning_content", parts)
            elif name == THINK_END and self.kind == "reasoning_content":
                self._turn("content", parts)
            else:
                start = self._shown + len(self._held)
                self._held += self._decoder.decode(self.tokenizer.decode_bytes([index]))
                end = self._shown + len(self._held)
                self._waiting.append(Token(index, logprobs[place], top[place] if top else [], start, end))
                self._show(parts)
            self._begun = True
        return parts

    def close(self) -> list[Part]:
        """What was held back, once nothing more comes."""
        parts: list[Part] = []
        if not self.stopped:
            self._flush(parts)
        return parts

    def _turn(self, kind: Kind, parts: list[Part]) -> None:
        self._flush(parts)
        if not self.stopped:
            self.kind, self._fresh = kind, True

    def _flush(self, parts: list[Part]) -> None:
        self._held += self._decoder.decode(b"", final=True)
        self._decoder.reset()
        self._show(parts, last=True)

    def _show(self, parts: list[Part], last: bool = False) -> None:
        """Release what is certain of the held text; all of it if it is the last of its kind."""
        if self._trims and self._fresh:
            bare = self._held.lstrip()
            self._shown += len(self._held) - len(bare)
            self._held = bare
        found = [at for stop in self.stops if (at := self._held.find(stop)) >= 0]
        if found:
            self._held, self.stopped = self._held[: min(found)], True
            kept = self._shown + len(self._held)
            self._waiting = deque(token for token in self._waiting if token.start < kept)
            last = True
        ready = self._held if last else self._held[: len(self._held) - self._doubtful()]
        self._held = self._held[len(ready) :]
        self._shown += len(ready)
        self._fresh = self._fresh and not ready
        tokens = []
        while self._waiting and (last or self._waiting[0].end <= self._shown):
            tokens.append(self._waiting.popleft())
        if last and self._trims and self.kind == "reasoning_content":
            ready = ready.rstrip()
        if ready or tokens:
            parts.append(Part(self.kind, ready, tokens))

    def _doubtful(self) -> int:
        """Characters at the end that may become part of a stop string, or be blanks that are trimmed."""
        held, most = self._held, 0
        for stop in self.stops:
            for length in range(min(len(stop) - 1, len(held)), most, -1):
                if held.endswith(stop[:length]):
                    most = length
                    break
        if self._trims and self.kind == "reasoning_content":
            most = max(most, len(held) - len(held[: len(held) - most].rstrip()))
        return most
