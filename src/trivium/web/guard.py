"""What every request passes before it is looked at: who asks, from where, in which form; and headers for every answer.

A page of another site must not reach a server on this machine: a name in Host (DNS rebinding) or Origin gives it away.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trivium.web.config import ServeConfig
from trivium.web.metrics import Metrics
from trivium.web.refusal import Refusal

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"  # no script of ours may make HTML out of text
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
GUARDED = ("/v1/", "/api/", "/metrics")
"""What a token is asked for; the page itself, its files and /health hold no secret."""
COUNTED = ("/v1/chat/completions", "/v1/completions", "/v1/models", "/health", "/metrics", "/")


class Guard:
    """ASGI middleware: refuses what must not come in, adds headers, counts answers by path and status."""

    def __init__(self, app: ASGIApp, config: ServeConfig, metrics: Metrics) -> None:
        self.app, self.config, self.metrics = app, config, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 499

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        try:
            refusal = check(Request(scope), self.config)
            if refusal is None:
                await self.app(scope, receive, sending)
            else:
                await refusal.response()(scope, receive, sending)
        finally:
            path = scope["path"] if scope["path"] in COUNTED else "other"
            self.metrics.add("trivium_requests_total", path=path, status=str(status))


def check(request: Request, config: ServeConfig) -> Refusal | None:
    """Why a request must not come in; None when it may."""
    close = {"Connection": "close"}
    host = request.headers.get("host", "")
    if config.local and _name(host) not in {"localhost", "127.0.0.1", "::1", config.host}:
        return Refusal(
            403, f"Host {host!r} is not this machine. Open http://127.0.0.1:{config.port}.", None, "host", close
        )
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return Refusal(403, f"Origin {origin[:80]!r} is another site's.", None, "origin", close)
    path = request.url.path
    if config.token and path.startswith(GUARDED) and not _holds(request.headers.get("authorization", ""), config.token):
        asks = close | {"WWW-Authenticate": "Bearer"}
        return Refusal(401, "Incorrect API key provided. Send the server's token.", None, "invalid_api_key", asks)
    if request.method == "POST":
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return Refusal(
                415, f"Content-Type is {kind[:80]!r}. Send application/json.", None, "unsupported_media_type", close
            )
    return None


def _name(host: str) -> str:
    """The name in a Host header, without port and brackets; empty for one that is not well-formed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _holds(authorization: str, token: str) -> bool:
    """Whether the header brings the token; the time it takes says nothing about where it differs."""
    scheme, _, given = authorization.partition(" ")
    same = hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.encode())
    return same and scheme.lower() == "bearer"


async def read_body(request: Request, config: ServeConfig) -> bytes:
    """The body. Raises Refusal for one that is too large (413) or too slow (408), ClientDisconnect."""
    close = {"Connection": "close"}
    most = config.body_bytes
    too_large = Refusal(413, f"The body has more than {most} bytes. Send less.", None, "body_too_large", close)
    told = request.headers.get("content-length", "0")
    if not told.isdecimal() or int(told[:20]) > most:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(config.body_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise too_large
    except TimeoutError as error:
        message = f"The body did not arrive within {config.body_seconds:g} s."
        raise Refusal(408, message, None, "request_timeout", close) from error
    return bytes(body)


async def gone(request: Request, then: Callable[[], None]) -> None:
    """Wait until the client has closed the connection, then call `then`."""
    while True:
        try:
            message = await request.receive()
        except ClientDisconnect:
            message = {"type": "http.disconnect"}
        if message["type"] == "http.disconnect":
            then()
            return
