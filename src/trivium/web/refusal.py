"""What a client is told when its request is not served: OpenAI's error shape, with the value and the mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

import msgspec
from starlette.responses import Response

KINDS = {401: "invalid_request_error", 403: "permission_error", 404: "invalid_request_error", 429: "rate_limit_error"}


class Refusal(Exception):
    """A request that is not served: HTTP status, message, the field that is wrong, a code for programs."""

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.headers = dict(headers or {})

    @property
    def error(self) -> dict[str, dict[str, str | None]]:
        """The body: `{"error": {message, type, param, code}}`."""
        kind = KINDS.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> Response:
        """The body with its status and headers."""
        return Response(msgspec.json.encode(self.error), self.status, self.headers, "application/json")


def wrong(param: str, value: object, mend: str, code: str | None = None) -> Refusal:
    """A 400 that names a field, its value (cut short) and the mend."""
    shown = repr(value) if len(repr(value)) <= 80 else f"{repr(value)[:77]}…"
    return Refusal(400, f"{param} is {shown}. {mend}", param, code or "invalid_value")


def unknown(param: str, where: str, known: Iterable[str]) -> Refusal:
    """A 400 for a field that nothing has, with a did-you-mean."""
    names = sorted(known)
    close = difflib.get_close_matches(param, names, n=1)
    shown = param if len(param) <= 60 else f"{param[:57]}…"
    mend = f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(names)}."
    return Refusal(400, f"{where} has no field {shown!r}. {mend}", shown, "unknown_parameter")
