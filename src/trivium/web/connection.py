"""uvicorn's connections and server with what they lack: time limits on heads and on stalled readers, and a drain."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from types import FrameType
from typing import Any

import h11
import msgspec
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from trivium.web.config import ServeConfig
from trivium.web.refusal import Refusal
from trivium.web.worker import Worker


class Connection(H11Protocol):
    """One client's connection. A head that does not arrive, or an answer that is not taken, ends it."""

    limits: ServeConfig
    _head: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; close unheard when too many are open."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.abort()
            return
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End, timers too."""
        for timer in (self._head, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; time runs while a head is incomplete."""
        super().data_received(data)
        self._watch_head()

    def pause_writing(self) -> None:
        """The client does not take what is sent: time runs."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.limits.stall_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It took some."""
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP gets an answer in the shape of all others."""
        self._answer(Refusal(400, f"{msg} Send HTTP/1.1 with a head below 64 kB.", None, "invalid_http"))

    def _watch_head(self) -> None:
        """Start the clock when a head is awaited, stop it when one has come."""
        awaited = self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None
        if awaited and self._head is None:
            self._head = self.loop.call_later(self.limits.head_seconds, self._too_slow)
        elif not awaited and self._head is not None:
            self._head.cancel()
            self._head = None

    def _too_slow(self) -> None:
        message = f"The request's head did not arrive within {self.limits.head_seconds:g} s."
        self._answer(Refusal(408, message, None, "request_timeout"))

    def _answer(self, refusal: Refusal) -> None:
        if self.transport.is_closing():
            return
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = msgspec.json.encode(refusal.error)
            headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
            head = h11.Response(status_code=refusal.status, headers=[*headers, ("connection", "close")])
            for event in (head, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def protocol(config: ServeConfig) -> type[Connection]:
    """The connection class with a server's limits."""
    return type("Connection", (Connection,), {"limits": config})


class Server(uvicorn.Server):
    """uvicorn's server that drains: asked to stop, it refuses what is new and finishes what runs, up to a limit."""

    def __init__(self, config: uvicorn.Config, worker: Worker, limits: ServeConfig) -> None:
        super().__init__(config)
        self.worker, self.limits = worker, limits
        self._since: float | None = None
        self.ready = threading.Event()

    @property
    def port(self) -> int:
        """The port that it listens on, once it is ready."""
        return int(self.servers[0].sockets[0].getsockname()[1])

    async def startup(self, sockets: Any = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self.ready.set()

    def drain(self) -> None:
        """Begin to stop. Any thread may call it."""
        self.worker.draining = True
        self._since = self._since or time.monotonic()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, the second ends at once."""
        if self._since is not None or self.limits.drain_seconds == 0:
            self.force_exit = sig == signal.SIGINT
            self.should_exit = True
        self.drain()

    async def on_tick(self, counter: int) -> bool:
        """Whether to end now: asked twice, or drained, or out of patience."""
        if self._since is not None and not self.should_exit:
            late = time.monotonic() - self._since > self.limits.drain_seconds
            self.should_exit = late or (not self.worker.held and time.monotonic() - self._since > 0.2)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: Any = None) -> None:
        """Fail what still runs, so that no client waits for ever, then close."""
        self.worker.abort(Refusal(503, "The server is stopping. Ask another one, or later.", None, "draining"))
        await super().shutdown(sockets)
