"""A page as it comes from a source: the bytes of one document, or the reason why there are none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["html", "text"]


@dataclass(frozen=True)
class Page:
    """One document of a source, whatever the source's format."""

    url: str
    """Its address; of a document without one, `file:` and its place in the source."""
    body: bytes
    charset: str
    """As its HTTP header says; "" when nobody says."""
    licence: str
    origin: str
    offset: int
    """Where in its file: bytes as stored (WARC), lines (JSON lines), rows (Parquet) or pieces (text) before it."""
    failed: str = ""
    """Why there is no body (READING names the reasons), or ""."""
    kind: Kind = "html"
    """html goes through extraction, text is text already."""
    position: int = 0
    """How many bytes of the stored file were read before it: for progress only."""
    place: int = 0
    """Where reading can begin again and meet it (`first` of the readers): the byte of its WARC member, its line (JSON
    lines), row (Parquet) or file (folder). Never falls within a source; pages of one place keep their order."""


READING = frozenset(
    (
        "truncated",
        "damaged",
        "too_large",
        "not_http",
        "bad_status",
        "bad_encoding",
        "empty_body",
        "bad_url",
        "bad_json",
        "no_text_field",
        "unreadable",
        "unknown_type",
    )
)
"""Failures of a record; the others are failures to get text out of its page."""


def without_body(page: Page) -> Page:
    """The page without its bytes: small enough to keep."""
    return replace(page, body=b"")


def local_url(place: str, part: int | None = None) -> str:
    """The address of a document that has none: its place in its source, the same on every machine."""
    from urllib.parse import quote

    return f"file:{quote(place)}" + ("" if part is None else f"#{part}")
