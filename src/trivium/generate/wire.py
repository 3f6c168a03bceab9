"""A server that speaks OpenAI's API, over the standard library's HTTP: opt-in, only where a URL was given.

A server that is busy (429, 5xx) or away is asked again, later each time; another refusal ends it with the server's own
words. The key, where one is needed, is in the environment (TRIVIUM_API_KEY), never in a config.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trivium.ground.errors import ConfigError, TriviumError

KEY_VARIABLE = "TRIVIUM_API_KEY"
LARGEST = 4 << 20
"""Bytes of an answer that are read."""


class Unanswered(TriviumError):
    """A server that did not answer, or not with what was asked for."""


@dataclass(frozen=True)
class Wire:
    """Where the server is and how patient we are. May be used from several threads."""

    url: str
    """Up to and with `/v1`."""
    timeout: float = 120.0
    tries: int = 5
    pause: float = 1.0
    """Seconds before the second try; doubled each time, at most 30."""

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"url is {self.url!r}, no web address.", "Give one like http://localhost:8000/v1.")

    def call(self, what: str, body: Mapping[str, Any] | None, look: Callable[[], None] = lambda: None) -> Any:
        """The JSON that the server answers with at `what`; `look` may raise between tries. Raises Unanswered."""
        said = ""
        for attempt in range(self.tries):
            if attempt:
                time.sleep(min(30.0, self.pause * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0))
            try:
                with urllib.request.urlopen(self._request(what, body), timeout=self.timeout) as answer:
                    return json.loads(answer.read(LARGEST))
            except urllib.error.HTTPError as error:
                with error:
                    said = f"{error.code}: {error.read(500).decode('utf-8', 'replace')}"
                if error.code != 429 and error.code < 500:
                    break
            except (OSError, http.client.HTTPException, ValueError) as error:
                said = str(error) or type(error).__name__
            look()
        where = f"{self.url.rstrip('/')}/{what}"
        raise Unanswered(f"{where} does not answer: {said[:300]}.", "Is the server up? The same command continues.")

    def _request(self, what: str, body: Mapping[str, Any] | None) -> urllib.request.Request:
        headers = {"Content-Type": "application/json", "User-Agent": "trivium"}
        if key := os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {key}"
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.Request(f"{self.url.rstrip('/')}/{what}", data, headers)
