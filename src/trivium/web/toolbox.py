"""Tools that the page may call on behalf of a model: which there are, and one call at a time, bounded.

The tools themselves are `trivium.tools`; a `Toolbox` is all that the endpoints know of them. Without one the list is
empty and every call is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trivium.tools.tool import Tool, perform
from trivium.web.config import ServeConfig
from trivium.web.guard import read_body
from trivium.web.openai.asked import bound
from trivium.web.refusal import Refusal, wrong

AT_ONCE, WAITING = 2, 16
"""Calls that run at the same time, and calls that are held in all; more are answered 429."""
SECONDS = 30.0
"""How long a call is waited for. Tools have limits of their own, which are shorter."""
LONGEST = 16_000
"""Characters of a result."""


class Toolbox(Protocol):
    """What can be called."""

    @property
    def functions(self) -> list[dict[str, Any]]:
        """Name, description and parameters (a JSON schema) of each, as OpenAI's `tools[i].function`."""
        ...

    def perform(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        """A result as text, and whether the call failed; called from threads, must not raise."""
        ...


class Opened:
    """A toolbox of `trivium.tools`: what `trivium.tools.registry.opened` gives, for as long as it is open."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self.tools = tools
        self.functions = [tool.spec for tool in tools]

    def perform(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        """The result of a call."""
        result = perform(self.tools, name, arguments)
        return result.text, result.failed


class Calls(msgspec.Struct):
    """The body of a call."""

    arguments: dict[str, Any] | str = {}
    """An object, or its JSON as the model wrote it."""


class Counter:
    """The endpoints: `GET /api/tools` and `POST /api/tools/NAME`."""

    def __init__(self, toolbox: Toolbox | None, config: ServeConfig) -> None:
        self.toolbox, self.config = toolbox, config
        self.functions = toolbox.functions if toolbox is not None else []
        self._names = {str(function["name"]) for function in self.functions}
        self._held = 0
        self._pool = ThreadPoolExecutor(AT_ONCE, "tool")

    async def listed(self, _request: Request) -> Response:
        """All tools, in the form in which a chat request takes them."""
        tools = [{"type": "function", "function": function} for function in self.functions]
        return _json({"tools": tools})

    async def called(self, request: Request) -> Response:
        """One call's result. What fails inside the tool is a result too; refused is what cannot be called."""
        name = request.path_params["name"]
        body = await read_body(request, self.config)
        if self.toolbox is None or name not in self._names:
            known = f"Tools: {', '.join(sorted(self._names))}." if self._names else "Start it with --tools."
            raise Refusal(404, f"This server has no tool {name[:60]!r}. {known}", "name", "tool_not_found")
        arguments = _arguments(body, self.config)
        if self._held >= WAITING:
            raise Refusal(429, f"{self._held} calls are waiting. Try again.", None, "queue_full", {"Retry-After": "2"})
        self._held += 1
        work = asyncio.get_running_loop().run_in_executor(self._pool, self.toolbox.perform, name, arguments)
        work.add_done_callback(self._over)  # counted until the thread is free, even when nobody waits for it
        try:
            text, failed = await asyncio.wait_for(asyncio.shield(work), SECONDS)
        except TimeoutError as error:
            raise Refusal(504, f"The tool {name!r} took over {SECONDS:g} s.", None, "tool_timeout") from error
        cut = f"\n[… {len(text) - LONGEST} characters left out]" if len(text) > LONGEST else ""
        return _json({"name": name, "content": text[:LONGEST] + cut, "failed": failed})

    def _over(self, work: asyncio.Future[tuple[str, bool]]) -> None:
        self._held -= 1
        if not work.cancelled():
            work.exception()  # looked at, so that nothing is logged twice

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/api/tools", self.listed),
            Route("/api/tools/{name}", self.called, methods=["POST"]),
        ]


def _arguments(body: bytes, config: ServeConfig) -> dict[str, Any]:
    """The arguments as an object. Raises Refusal (400)."""
    try:
        value = msgspec.json.decode(body)
        if isinstance(value, dict):
            bound(value, config)
        given = msgspec.convert(value, Calls).arguments
        if isinstance(given, str):
            given = msgspec.json.decode(given)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        message = f"The arguments are no JSON object: {error}"
        raise Refusal(400, message[:300], "arguments", "invalid_json") from error
    if not isinstance(given, dict):
        raise wrong("arguments", given, "Send a JSON object.", "invalid_type")
    bound(given, config)
    return given


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), 200, {"Cache-Control": "no-store"}, "application/json")
