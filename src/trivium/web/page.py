"""The pages of a server: their addresses, their files, and the bar that leads from one to the other.

A page is a template of `pages/templates`, rendered once; scripts and styles are files of `static/`, held in memory,
each asked for by its name alone, so no path can lead out of the folder. Nothing is built or comes from elsewhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trivium import __version__
from trivium.pages.render import render, shared_style
from trivium.web.refusal import Refusal

STATIC = Path(__file__).parent / "static"
KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
"""Media types by ending, ours alone: a machine's own table may call a script plain text, and nosniff stops it then."""


@dataclass(frozen=True)
class View:
    """One page, as the bar shows it."""

    address: str
    template: str
    title: str


VIEWS = (View("/", "chat.html", "Chat"),)
"""All pages, in the order of the bar. Another page is a line here, a template, and its files in `static/`."""


@dataclass(frozen=True)
class Held:
    """A file's bytes, with a tag by which a browser asks whether its copy is still good."""

    body: bytes
    kind: str

    @property
    def tag(self) -> str:
        """A quoted hash of the bytes."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:24]}"'

    def answer(self, request: Request) -> Response:
        """The bytes, or 304 for a browser that has them."""
        headers = {"Cache-Control": "no-cache", "ETag": self.tag}
        if self.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.body, 200, headers, self.kind)


def files() -> dict[str, Held]:
    """The files of `/static`, and the style that all pages share with the report."""
    held = {path.name: Held(path.read_bytes(), KINDS[path.suffix]) for path in STATIC.iterdir() if path.suffix in KINDS}
    return {**held, "shared.css": Held(shared_style().encode(), KINDS[".css"])}


def routes() -> list[Route]:
    """The addresses of all pages and of their files."""
    held = files()
    pages = {
        view.address: Held(
            render(view.template, view=view, views=VIEWS, version=__version__).encode(), "text/html; charset=utf-8"
        )
        for view in VIEWS
    }

    async def page(request: Request) -> Response:
        return pages[request.url.path].answer(request)

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in held:
            raise Refusal(404, f"There is no file {name[:60]!r}.", None, "not_found")
        return held[name].answer(request)

    return [*(Route(address, page) for address in pages), Route("/static/{name}", file)]
