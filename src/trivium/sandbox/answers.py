"""Questions to a function in the sandbox, one at a time, and what was answered; comparing plain JSON by type.

The judge knows the right answers and is in another process; who answers never sees a question before its time.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trivium.ground.errors import UsageError
from trivium.sandbox.watch import Foul

if TYPE_CHECKING:
    from trivium.sandbox.box import Outcome

LONGEST_QUESTION = 1 << 20


@dataclass(frozen=True)
class Answer:
    """What a function gave back for one question: plain JSON, or an error."""

    value: Any
    error: str | None
    """The exception in one line; None where there is a value."""


@dataclass(frozen=True)
class Answers:
    """What came of a call."""

    answers: tuple[Answer, ...]
    """One for each question asked so far; all of them only when the call's finish is ok."""
    outcome: Outcome
    foul: str
    """How the protocol was broken; "" when it was kept."""

    @property
    def complete(self) -> bool:
        """Whether every question was answered, once and in its time."""
        return self.outcome.finish == "ok"


class Questions:
    """The owner's side of a call: asks, and takes only the answer to what was asked."""

    def __init__(self, inputs: Sequence[Sequence[Any]]) -> None:
        """Raises UsageError for inputs that are not lists of plain JSON."""
        self.opening = secrets.token_hex(16)
        self.ending: dict[str, Any] = {}
        self.answers: list[Answer] = []
        self._left: list[tuple[str, bytes]] = []
        for arguments in inputs:
            nonce = secrets.token_hex(16)
            try:
                line = json.dumps({"nonce": nonce, "arguments": list(arguments)}, allow_nan=False).encode() + b"\n"
            except (TypeError, ValueError) as error:
                raise UsageError(f"A question is no plain JSON: {error}.", "Give lists of plain values.") from error
            if len(line) > LONGEST_QUESTION:
                raise UsageError(f"A question has {len(line)} bytes.", f"Up to {LONGEST_QUESTION} are taken.")
            self._left.append((nonce, line))
        self._left.reverse()
        self._awaited = self.opening

    @property
    def complete(self) -> bool:
        """Whether all questions are answered."""
        return bool(self.ending) and not self._left and not self._awaited

    def hear(self, line: bytes) -> bytes | None:
        """Take one line from the run; what to send next. Raises Foul for whatever is not the awaited answer."""
        try:
            said = json.loads(line, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise Foul("a line that is no JSON") from error
        if isinstance(said, dict) and "trouble" in said and not self.ending:
            self.ending = {"trouble": said["trouble"]}
            return b""
        if not isinstance(said, dict) or not self._awaited or said.get("nonce") != self._awaited:
            raise Foul("an answer to a question that was not asked")
        if not self.ending:
            if said.get("finish") not in ("ok", "error", "memory"):
                raise Foul("no word on how loading went")
            self.ending = {"finish": said["finish"]}
            if said["finish"] != "ok":
                self._awaited = ""
                return b""
        else:
            self.answers.append(_answer(said))
        return self._next()

    def _next(self) -> bytes:
        if not self._left:
            self._awaited = ""
            return b""
        self._awaited, line = self._left.pop()
        return line


def _answer(said: dict[str, Any]) -> Answer:
    if "value" in said:
        return Answer(said["value"], None)
    return Answer(None, str(said.get("error"))[:600])


def _no_constant(name: str) -> None:
    raise ValueError(name)


def same(left: Any, right: Any, tolerance: float = 0.0) -> bool:
    """Whether two plain JSON values are equal, types included: True is not 1 and 1 is not 1.0.

    `tolerance` lets floats (both of them floats) differ by this share of the larger.
    """
    if type(left) is not type(right):
        return False
    if type(left) is list:
        return len(left) == len(right) and all(same(a, b, tolerance) for a, b in zip(left, right, strict=True))
    if type(left) is dict:
        return left.keys() == right.keys() and all(same(left[key], right[key], tolerance) for key in left)
    if type(left) is float:
        return bool(left == right or abs(left - right) <= tolerance * max(abs(left), abs(right)))
    return type(left) in (str, int, bool, type(None)) and bool(left == right)
