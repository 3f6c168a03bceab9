"""A server that speaks OpenAI's API answers an audit's questions: opt-in, by `--url`.

Several requests are under way at once (`generate.wire` is patient with each). What has been answered stays answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from trivium.evals.knowledge.asking import Said, Wish
from trivium.generate.wire import Unanswered, Wire
from trivium.ground.config import check
from trivium.ground.errors import UsageError
from trivium.ground.how import How


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
        Wire(self.url)  # says what is wrong with an address before anything is asked
        check(self.parallel >= 1, "parallel", self.parallel, "Count from 1 up.")
        check(self.tries >= 1, "tries", self.tries, "Count from 1 up.")


class Remote:
    """A server as a speaker."""

    def __init__(self, server: Server, how: How) -> None:
        self.server, self.how, self.chat = server, how, server.chat
        self.wire = Wire(server.url, server.timeout, server.tries, server.pause)
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
        return self.wire.call(what, body, lambda: self.how.stop.check("while a server was asked"))


def _logprobs(told: Any, chat: bool) -> list[float]:
    """The tokens' log-probabilities, as one of the two forms has them; [] where there are none."""
    if not isinstance(told, Mapping):
        return []
    values = [one.get("logprob") for one in told.get("content") or []] if chat else told.get("token_logprobs") or []
    return [float(value) for value in values if isinstance(value, int | float)]
