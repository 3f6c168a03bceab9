"""Replies from a model behind an OpenAI-compatible URL, by the standard library: opt-in, only where a URL was given.

A server that is busy or away is asked again, later each time; another refusal ends it with the server's own words. The
key, where one is needed, is in the environment (TRIVIUM_API_KEY), never in a config.
"""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from trivium.ground.errors import TriviumError, UsageError
from trivium.ground.progress import Progress

KEY_VARIABLE = "TRIVIUM_API_KEY"
LARGEST = 4 << 20
"""Bytes of an answer that are read."""


class Unanswered(TriviumError):
    """A server that did not answer, or not with what was asked for."""


class Remote:
    """A chat model at `url` (up to and with `/v1`)."""

    def __init__(self, url: str, model: str, parallel: int = 8, tries: int = 5, pause: float = 1.0) -> None:
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"{url!r} is no web address.", "Give one like http://localhost:8000/v1.")
        self.url, self.model, self.parallel, self.tries, self.pause = url.rstrip("/"), model, parallel, tries, pause

    def replies(
        self, conversations: Sequence[Sequence[Mapping[str, Any]]], max_new: int, temperature: float, seed: int,
        bar: Progress | None = None,
    ) -> list[str]:  # fmt: skip
        """One reply to each conversation, in order. Raises Unanswered."""

        def ask(number: int) -> str:
            messages = [dict(message) for message in conversations[number]]
            body = {"model": self.model, "messages": messages, "max_tokens": max_new, "temperature": temperature}
            return self._content(self._call({**body, "seed": seed + number}))

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
                f"{self.url} answered without a choice: {said}.", "Is it an OpenAI-style server?"
            ) from error

    def _call(self, body: Mapping[str, Any]) -> Any:
        headers = {"Content-Type": "application/json", "User-Agent": "trivium"}
        if key := os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {key}"
        said = ""
        for attempt in range(self.tries):
            if attempt:
                time.sleep(min(30.0, self.pause * 2 ** (attempt - 1)))
            request = urllib.request.Request(f"{self.url}/chat/completions", json.dumps(body).encode(), headers)
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:
                    return json.loads(answer.read(LARGEST))
            except urllib.error.HTTPError as error:
                with error:
                    said = f"{error.code}: {error.read(300).decode('utf-8', 'replace')}"
                if error.code != 429 and error.code < 500:
                    break
            except (OSError, http.client.HTTPException, ValueError) as error:
                said = str(error) or type(error).__name__
        raise Unanswered(f"{self.url} does not answer: {said}.", "Is the server up? The same command asks again.")
