"""When two conversations are the same: by their words, whatever case, marks and layout; and on which side one falls."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_WORD = re.compile(r"\w+")


def texts_of(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """All that is said in a conversation, one message's text after the other: contents, thoughts, calls' arguments."""
    for message in messages:
        yield str(message.get("content") or "")
        if message.get("reasoning_content"):
            yield str(message["reasoning_content"])
        for call in message.get("tool_calls") or ():
            yield str(call.get("function", call))


def likeness(messages: Sequence[Mapping[str, Any]]) -> str:
    """A hash that is the same for conversations of the same words by the same speakers."""
    parts = [f"{message['role']} {text}" for message in messages for text in texts_of([message])]
    return _hash("\n".join(" ".join(_WORD.findall(part.casefold())) for part in parts))


def place(messages: Sequence[Mapping[str, Any]]) -> float:
    """A number from 0 to below 1 that depends on the first question's words alone: equal questions stay together."""
    asked = next((str(m.get("content") or "") for m in messages if m["role"] == "user"), "")
    words = " ".join(_WORD.findall(asked.casefold())) or likeness(messages)
    return int(_hash(words)[:8], 16) / 0x100000000


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
