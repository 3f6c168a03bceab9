"""A server that speaks OpenAI's API answers, over the standard library's HTTP: opt-in, by `--url`, nothing else asks.

Several requests are under way at once. A server that is busy (429, 5xx) or does not answer is asked again, later and
later; another refusal ends the audit with the server's own words. What has been answered stays answered.
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
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from trivium.evals.knowledge.asking import Said, Wish
from trivium.ground.config import check
from trivium.ground.errors import TriviumError, UsageError
from trivium.ground.how import How

KEY_VARIABLE = "TRIVIUM_API_KEY"
LARGEST = 4 << 20
"""Bytes of an answer that are read."""


class Unanswered(TriviumError):
    """A server that did not answer, or not with what was asked for."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where the server is and how patient we are."""

    url: str
    """Up to and with `/v1`."""
    model: str = ""
    """The model's name there; "" takes the first that the server offers."""
    chat: bool = True
    """Whether it is asked through chat/completions, else through completions."""
    parallel: int = 8
    """Requests under way at once."""
    timeout: float = 120.0
    tries: int = 5
    pause: float = 1.0
    """Seconds before the second try; doubled each time, at most 30."""

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname)
        check(fine, "url", self.url, "Give one like http://localhost:8000/v1.")
        check(self.parallel >= 1, "parallel", self.parallel, "Count from 1 up.")
        check(self.tries >= 1, "tries", self.tries, "Count from 1 up.")


class Remote:
    """A server as a speaker."""

    def __init__(self, server: Server, how: How) -> None:
        self.server, self.how, self.chat = server, how, server.chat
        self.model = server.model or self._first()

    def say(self, wishes: Sequence[Wish], told: Callable[[str, Said], None]) -> None:
        """Answer all wishes; `told(key, said)` is called for each, in this thread. Raises Unanswered and Stopped."""
        left = iter(wishes)
        running: dict[Future[Said], str] = {}
        with ThreadPoolExecutor(self.server.parallel, "asking") as pool:
            try:
                while True:
                    while len(running) < self.server.parallel and (wish := next(left, None)) is not None:
                        running[pool.submit(self._ask, wish)] = wish.key
                    if not running:
                        return
                    for done in wait(running, return_when=FIRST_COMPLETED).done:
                        told(running.pop(done), done.result())
                    self.how.stop.check("during the audit")
            finally:
                for future in running:
                    future.cancel()

    def complete(self, messages: Sequence[Mapping[str, Any]], max_new: int, seed: int, temperature: float) -> str:
        """One reply's text."""
        return self._ask(Wish("", tuple(messages), True, max_new, temperature, seed)).text

    def _first(self) -> str:
        data = self._call("models", None)
        try:
            return str(data["data"][0]["id"])
        except (LookupError, TypeError) as error:
            raise UsageError(f"{self.server.url} offers no model.", "Name one with --url-model.") from error

    def _ask(self, wish: Wish) -> Said:
        body = {
            "model": self.model, "max_tokens": wish.max_new, "temperature": wish.temperature, "seed": wish.seed,
        }  # fmt: skip
        if wish.chat:
            body |= {"messages": [dict(message) for message in wish.messages], "logprobs": True}
            answer = self._call("chat/completions", body)
        else:
            body |= {"prompt": wish.messages[0]["content"], "logprobs": 1, "stop": ["\n"]}
            answer = self._call("completions", body)
        try:
            choice = answer["choices"][0]
            text = choice["message"]["content"] if wish.chat else choice["text"]
            told = _logprobs(choice.get("logprobs"), wish.chat)
            usage = answer.get("usage") or {}
            tokens = int(usage.get("completion_tokens") or (len(told) if told else len(str(text or "").split())))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            what = f"{self.server.url} answered without a choice: {json.dumps(answer)[:200]}."
            raise Unanswered(what, "Is it an OpenAI-compatible server?") from error
        finish = str(choice.get("finish_reason") or "stop")
        return Said(str(text or "").strip(), tokens, sum(told) if told else None, finish)

    def _call(self, what: str, body: Mapping[str, Any] | None) -> Any:
        """The JSON that the server answers with; asked again while it is busy. Raises Unanswered."""
        said = ""
        for attempt in range(self.server.tries):
            if attempt:
                pause = min(30.0, self.server.pause * 2 ** (attempt - 1))
                time.sleep(pause * random.uniform(0.5, 1.0))
            try:
                with urllib.request.urlopen(self._request(what, body), timeout=self.server.timeout) as answer:
                    return json.loads(answer.read(LARGEST))
            except urllib.error.HTTPError as error:
                with error:
                    said = f"{error.code}: {error.read(500).decode('utf-8', 'replace')}"
                if error.code != 429 and error.code < 500:
                    break
            except (OSError, http.client.HTTPException, ValueError) as error:
                said = str(error) or type(error).__name__
            self.how.stop.check("while a server was asked")
        where = f"{self.server.url.rstrip('/')}/{what}"
        raise Unanswered(f"{where} does not answer: {said[:300]}.", "Is the server up? The same command continues.")

    def _request(self, what: str, body: Mapping[str, Any] | None) -> urllib.request.Request:
        headers = {"Content-Type": "application/json", "User-Agent": "trivium"}
        if key := os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {key}"
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.Request(f"{self.server.url.rstrip('/')}/{what}", data, headers)


def _logprobs(told: Any, chat: bool) -> list[float]:
    """The tokens' log-probabilities, as one of the two forms has them; [] where there are none."""
    if not isinstance(told, Mapping):
        return []
    values = [one.get("logprob") for one in told.get("content") or []] if chat else told.get("token_logprobs") or []
    return [float(value) for value in values if isinstance(value, int | float)]
