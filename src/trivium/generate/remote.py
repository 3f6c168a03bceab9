"""Replies from a chat model behind an OpenAI-compatible URL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from trivium.generate.wire import Unanswered, Wire
from trivium.ground.progress import Progress


class Remote:
    """A chat model at `url` (up to and with `/v1`)."""

    def __init__(self, url: str, model: str, parallel: int = 8, tries: int = 5, pause: float = 1.0) -> None:
        self.wire = Wire(url, tries=tries, pause=pause)
        self.model, self.parallel = model, parallel

    def replies(
        self, conversations: Sequence[Sequence[Mapping[str, Any]]], max_new: int, temperature: float, seed: int,
        bar: Progress | None = None,
    ) -> list[str]:  # fmt: skip
        """One reply to each conversation, in order. Raises Unanswered."""

        def ask(number: int) -> str:
            messages = [dict(message) for message in conversations[number]]
            body = {"model": self.model, "messages": messages, "max_tokens": max_new, "temperature": temperature}
            return self._content(self.wire.call("chat/completions", {**body, "seed": seed + number}))

        with ThreadPoolExecutor(self.parallel, "writing") as pool:
            found = []
            for reply in pool.map(ask, range(len(conversations))):
                found.append(reply)
                if bar is not None:
                    bar.advance()
            return found

    def _content(self, answer: Any) -> str:
        try:
            return str(answer["choices"][0]["message"]["content"] or "").strip()
        except (LookupError, TypeError) as error:
            said = json.dumps(answer)[:200]
            raise Unanswered(
                f"{self.wire.url} answered without a choice: {said}.", "Is it an OpenAI-style server?"
            ) from error
