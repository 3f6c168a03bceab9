"""From ids to text while they come: characters whole, and an end at a stop string even where it crosses tokens."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence

from trivium.text.tokenizer import Tokenizer


class Stopping:
    """Looks for stop strings in the bytes of a completion."""

    def __init__(self, tokenizer: Tokenizer, strings: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._wanted = [(string, string.encode()) for string in strings]
        self._reach = max((len(wanted) for _, wanted in self._wanted), default=1) - 1
        self._tail = b""

    def next(self, index: int) -> str | None:
        """The stop string that this id completes: of several the one that begins first. None if there is none."""
        text = self._tail + spelled(self._tokenizer, index)
        found = [(at, string) for string, wanted in self._wanted if (at := text.find(wanted)) >= 0]
        self._tail = text[len(text) - self._reach :] if self._reach else b""
        return min(found)[1] if found else None


class Spelling:
    """The text of a completion, a piece after each id. Half a character is kept back until the rest has come.

    With `stop_strings`, so is what may be the beginning of one; nothing is given from a stop string on.
    """

    def __init__(self, tokenizer: Tokenizer, stop_strings: Sequence[str] = (), hidden: Iterable[int] = ()) -> None:
        """`hidden` are ids that are not shown: the end of the turn, say."""
        self._tokenizer, self._stops, self._hidden = tokenizer, tuple(stop_strings), frozenset(hidden)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self.ended = False
        """Whether a stop string has come."""

    def push(self, ids: Iterable[int]) -> str:
        """The text that these ids add, as far as it is certain."""
        shown = [index for index in ids if index not in self._hidden]
        return self._given(self._decoder.decode(b"".join(spelled(self._tokenizer, index) for index in shown)))

    def end(self) -> str:
        """What was kept back, when nothing more comes: broken characters as U+FFFD."""
        text = self._given(self._decoder.decode(b"", final=True)) + self._held
        self._held = ""
        return text

    def _given(self, text: str) -> str:
        if self.ended:
            return ""
        text = self._held + text
        cut = min((at for stop in self._stops if (at := text.find(stop)) >= 0), default=-1)
        if cut >= 0:
            self.ended, self._held = True, ""
            return text[:cut]
        keep = max((_begun(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def spelled(tokenizer: Tokenizer, index: int) -> bytes:
    """The bytes of an id; none for one that the vocabulary does not have (a model may have more rows)."""
    try:
        return tokenizer.decode_bytes([index])
    except (KeyError, OverflowError):
        return b""


def _begun(text: str, stop: str) -> int:
    """How many characters at the end of the text are the beginning of a stop string."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)
