"""Clients that stream: plain HTTP over asyncio, a connection a request, each chunk's time noted."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Seen:
    """What one client saw of one request."""

    asked: float
    """When it was sent, seconds of the monotonic clock."""
    chunks: list[float] = field(default_factory=list)
    """When each chunk with text came."""
    ended: float = 0.0
    status: int = 0
    finish: str | None = None
    tokens: int = 0
    """As the server counts them."""
    done: bool = False
    """Whether the stream was whole, to its [DONE]."""
    error: str = ""

    @property
    def whole(self) -> bool:
        """Whether nothing was dropped."""
        return self.status == 200 and self.done and self.finish is not None and not self.error

    @property
    def first(self) -> float:
        """Seconds to the first text."""
        return self.chunks[0] - self.asked

    @property
    def between(self) -> list[float]:
        """Seconds between chunks."""
        return [later - sooner for sooner, later in zip(self.chunks, self.chunks[1:], strict=False)]


async def stream(port: int, body: dict[str, Any]) -> Seen:
    """One request to /v1/completions, read to its end."""
    seen = Seen(time.monotonic())
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        seen.error = f"no connection: {error}"
        return seen
    try:
        asked = json.dumps({**body, "stream": True, "stream_options": {"include_usage": True}}).encode()
        head = (
            "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(asked)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + asked)
        seen.status = int((await reader.readline()).split()[1])
        async for line in reader:
            if line.startswith(b"data: "):
                _note(seen, line[6:].strip())
    except (OSError, ValueError, IndexError) as error:
        seen.error = f"{type(error).__name__}: {error}"
    finally:
        writer.close()
        seen.ended = time.monotonic()
    return seen


def _note(seen: Seen, data: bytes) -> None:
    if data == b"[DONE]":
        seen.done = True
        return
    chunk = json.loads(data)
    if "error" in chunk:
        seen.error = str(chunk["error"]["message"])
        return
    if chunk.get("usage"):
        seen.tokens = chunk["usage"]["completion_tokens"]
    for choice in chunk["choices"]:
        if choice["text"]:
            seen.chunks.append(time.monotonic())
        seen.finish = choice["finish_reason"] or seen.finish


async def crowd(
    port: int, bodies: list[list[dict[str, Any]]], told: Callable[[Seen], None] = lambda _seen: None
) -> list[Seen]:
    """So many clients at once as there are lists; each sends its requests one after the other."""

    async def one(mine: list[dict[str, Any]]) -> list[Seen]:
        found = []
        for body in mine:
            found.append(await stream(port, body))
            told(found[-1])
        return found

    return [seen for found in await asyncio.gather(*map(one, bodies)) for seen in found]
