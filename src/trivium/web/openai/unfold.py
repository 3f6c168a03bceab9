"""From a completion's ids to text that may be shown, piece by piece.

No piece ends inside a character, and none holds the beginning of a stop string that may still come. Thoughts, what is
said, and tool calls are told apart; a call is given when it is whole, and one that is no call stays visible as text.
What is streamed and what is sent whole come through here alike.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from trivium.generate.spelling import spelled
from trivium.text.hermes import CALL, CALL_END, Call, understood
from trivium.text.tokenizer import THINK, THINK_END, Tokenizer

Kind = Literal["content", "reasoning_content", "call"]


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
    """Text of one kind, and the tokens that it ended with; or a tool call."""

    kind: Kind
    text: str
    tokens: list[Token] = field(default_factory=list)
    call: Call | None = None


@dataclass(frozen=True)
class Reading:
    """How a completion's ids are to be read."""

    stops: tuple[str, ...] = ()
    chat: bool = False
    """Think tags and tool calls are structure."""
    thinking: bool = False
    """The prompt has opened the thoughts."""
    tools: frozenset[str] = frozenset()
    """Names of the functions that may be called; none: calls are text."""
    prefix: str | None = None
    """What of a call the prompt holds already; None where it has not begun one."""
    single: bool = False
    """One call ends the completion."""


class Unfolding:
    """The state of one completion's text."""

    def __init__(self, tokenizer: Tokenizer, reading: Reading) -> None:
        self.tokenizer, self.reading = tokenizer, reading
        self.kind: Kind = "reasoning_content" if reading.thinking else "content"
        self.stopped = False
        """Whether a stop string has come, or the one call that was wanted."""
        self.calls = 0
        """How many calls were given."""
        self.thoughts = 0
        """Tokens that were thoughts, their tags included."""
        names = (THINK, THINK_END, *((CALL, CALL_END) if reading.tools else ()))
        special = tokenizer.special if reading.chat else {}
        self._special = {special[name]: name for name in names if name in special}
        self._spelled = bool(reading.tools) and CALL not in special  # calls are then marked by plain text
        self._foreign = reading.chat and tokenizer.template is not None  # such templates put blanks around thoughts
        self._bare = self._foreign
        """Whether blanks that come now are dropped, since they begin a text."""
        self._begun = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = self._call = ""
        self._shown = 0
        self._waiting: deque[Token] = deque()
        if reading.prefix is not None:
            self.kind, self._call, self._bare = "call", reading.prefix, False

    def feed(self, ids: Sequence[int], logprobs: Sequence[float], top: Sequence[list[tuple[int, float]]]) -> list[Part]:
        """What can be shown now. `top` may be empty. Ids that end the completion must not come in."""
        parts: list[Part] = []
        for place, index in enumerate(ids):
            if self.stopped:
                break
            if not self._structural(self._special.get(index, ""), parts):
                start = self._shown + len(self._held)
                self._held += self._decoder.decode(spelled(self.tokenizer, index))
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
        if self.kind == "call":
            self._hear(parts, "")
        return parts

    def after(self, index: int, logprobs: Sequence[float], top: Sequence[list[tuple[int, float]]]) -> Token:
        """The token that ended the completion, which has no text; the last of its piece."""
        return Token(index, logprobs[-1], top[-1] if top else [], self._shown, self._shown)

    def _structural(self, name: str, parts: list[Part]) -> bool:
        """Take a tag. Whether it was one: out of its place it is text."""
        opens = name == THINK and not self._begun and self.kind == "content"
        self.thoughts += self.kind == "reasoning_content" or opens
        if opens:
            self._turn("reasoning_content", parts)
        elif name == THINK_END and self.kind == "reasoning_content":
            self._turn("content", parts)
        elif name == CALL and self.kind == "content":
            self._turn("call", parts)
        elif name == CALL_END and self.kind == "call":
            self._turn("content", parts)
        else:
            return False
        return True

    def _turn(self, kind: Kind, parts: list[Part]) -> None:
        """Go on with another kind of text."""
        self._flush(parts, kind)
        if self.stopped:
            return
        if self.kind == "call":
            self._hear(parts)
        self._bare = self._foreign or self.kind == "call"
        self.kind = kind

    def _hear(self, parts: list[Part], end: str = CALL_END) -> None:
        """Give the call that has been gathered; text when it is none."""
        text, self._call = self._call, ""
        call = understood(text)
        if isinstance(call, Call) and call.name in self.reading.tools:
            self.calls += 1
            self.stopped = self.stopped or self.reading.single
            parts.append(Part("call", "", call=call))
        elif text:
            parts.append(Part("content", f"{CALL}{text}{end}"))

    def _flush(self, parts: list[Part], then: Kind | None = None) -> None:
        self._held += self._decoder.decode(b"", final=True)
        self._decoder.reset()
        self._show(parts, last=True)
        if then == "call" and parts and parts[-1].kind == "content":
            parts[-1].text = parts[-1].text.rstrip()

    def _show(self, parts: list[Part], last: bool = False) -> None:
        """Release what is certain of the held text; all of it if it is the last of its kind."""
        if self._bare:
            text = self._held.lstrip()
            self._shown += len(self._held) - len(text)
            self._held = text
        mark = CALL_END if self.kind == "call" else CALL
        marked = self._held.find(mark) if self._spelled and self.kind != "reasoning_content" else -1
        found = [at for stop in self.reading.stops if (at := self._held.find(stop)) >= 0]
        if found and (marked < 0 or min(found) < marked):
            self._held, self.stopped = self._held[: min(found)], True
            kept = self._shown + len(self._held)
            self._waiting = deque(token for token in self._waiting if token.start < kept)
            self._release(parts, len(self._held), True)
        elif marked >= 0:
            after = self._held[marked + len(mark) :]
            self._held = self._held[:marked]
            self._turn("content" if self.kind == "call" else "call", parts)
            self._shown += len(mark)
            self._held = after
            if not self.stopped:
                self._show(parts, last)
        else:
            self._release(parts, len(self._held) - (0 if last else self._doubtful()), last)

    def _release(self, parts: list[Part], count: int, last: bool) -> None:
        """Show so many characters, and the tokens that end there."""
        ready, self._held = self._held[:count], self._held[count:]
        self._shown += count
        self._bare = self._bare and not ready
        tokens = []
        while self._waiting and (last or self._waiting[0].end <= self._shown):
            tokens.append(self._waiting.popleft())
        if self.kind == "call":
            self._call += ready
            return
        if last and self._foreign and self.kind == "reasoning_content":
            ready = ready.rstrip()
        if ready or tokens:
            parts.append(Part(self.kind, ready, tokens))

    def _doubtful(self) -> int:
        """Characters at the end that may become part of a stop string or a tag, or be blanks that are dropped."""
        held, most = self._held, 0
        marks = (CALL_END if self.kind == "call" else CALL,) if self._spelled else ()
        for text in (*self.reading.stops, *marks):
            for length in range(min(len(text) - 1, len(held)), most, -1):
                if held.endswith(text[:length]):
                    most = length
                    break
        blanks = self._foreign if self.kind == "reasoning_content" else bool(self.reading.tools)
        if blanks and self.kind != "call":
            most = max(most, len(held) - len(held[: len(held) - most].rstrip()))
        return most
