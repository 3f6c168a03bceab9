"""Some pages kept beside the text that was taken from them, so that people can see what extraction leaves out.

Drawn by hash among the pages that gave a text. Each worker keeps the lowest draws that it has seen, and what is lowest
of all is lowest in its worker too: how many workers there are changes nothing.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from trivium.stages.corpus.shown.examples import SLACK

PAGES = 12
"""Kept of each source."""
HTML_CHARACTERS = 60_000
"""Of a page, without its scripts, styles and comments; what is behind goes."""
TEXT_CHARACTERS = 20_000
"""Of its text."""
KEY = "page_shown"
"""Where a row carries its page from the worker; no column of documents.parquet."""
_GONE = ("script", "style", "noscript", "svg", "template", "iframe", "object")
_OPEN = re.compile(rf"<(?:({'|'.join(_GONE)})(?=[\s/>])|!--)", re.IGNORECASE)
_CLOSE = {name: re.compile(rf"</{name}[^>]*>?", re.IGNORECASE) for name in _GONE} | {"": re.compile("-->")}
_DATA = re.compile(r"""(?<==["'])data:[^"'<>]*""", re.IGNORECASE)
_GAP = re.compile(r"\n\s*\n")
Row = dict[str, Any]


class Lowest:
    """What has one of the `most` lowest draws so far, each key apart."""

    def __init__(self, most: int = PAGES) -> None:
        self._most = most
        self._draws: dict[str, list[int]] = {}

    def takes(self, key: str, draw: int) -> bool:
        """Whether the draw is among the lowest of its key so far; if so it now counts as one of them."""
        draws = self._draws.setdefault(key, [])
        if -draw in draws:
            return True  # the same page again
        if len(draws) < self._most:
            heapq.heappush(draws, -draw)
            return True
        return draw < -draws[0] and bool(heapq.heapreplace(draws, -draw))


def draw_of(row: Row) -> int:
    """The draw of a scored row's page."""
    return int.from_bytes(hashlib.blake2b(f"shown|{row['id']}".encode(), digest_size=8).digest(), "big")


def keep(row: Row, html: str, lowest: Lowest, key: str) -> None:
    """Let the row carry its page when it may be among those that are shown."""
    if lowest.takes(key, draw_of(row)):
        bare = without_scripts(html)
        seen = bare[: HTML_CHARACTERS + SLACK]
        row[KEY] = {"html": seen, "html_characters": len(html), "cut": len(bare) > HTML_CHARACTERS}


class Sample:
    """The pages that are shown, taken from the rows that pass through."""

    def __init__(self) -> None:
        self._pages: dict[str, list[tuple[int, Row]]] = {}

    def through(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, without the pages that they carried."""
        for row in rows:
            self.take(row)
            yield row

    def take(self, row: Row) -> None:
        """Take the page out of a row, and keep it while it is among the lowest draws of its source."""
        page = row.pop(KEY, None)
        if page is None:
            return
        pages = self._pages.setdefault(row["source"], [])
        named = {"source": row["source"], "id": row["id"], "url": row["url"], **page}
        text = {"text": row["text"][: TEXT_CHARACTERS + SLACK], "characters": len(row["text"])}
        if all(other["id"] != row["id"] for _, other in pages):
            pages.append((draw_of(row), named | text))
            pages.sort(key=lambda pair: pair[0])
            del pages[PAGES:]

    def records(self, rewrite: Callable[[str], str] = str) -> Iterator[Row]:
        """The pages by source in the order of their draws: `source`, `id`, `url`, `html` (without scripts, styles and
        comments, `cut` when there was more), `html_characters` (of the page as it was), `text` and its `characters`.
        `rewrite` is applied to both.
        """
        for pages in self._pages.values():
            for _, page in pages:
                html, text = rewrite(page["html"])[:HTML_CHARACTERS], rewrite(page["text"])[:TEXT_CHARACTERS]
                yield page | {"html": html, "text": text}


def without_scripts(html: str) -> str:
    """The page without scripts, styles, comments, embedded data and empty lines; of a long one only the beginning.

    It makes pages small, not safe: whoever shows one has to see to that. Time is linear in the page's length.
    """
    parts: list[str] = []
    at = length = 0
    while length <= 2 * HTML_CHARACTERS and (match := _OPEN.search(html, at)) is not None:
        parts.append(html[at : match.start()])
        length += len(parts[-1])
        close = _CLOSE[(match[1] or "").lower()].search(html, match.end())
        at = close.end() if close else len(html)
    bare = "".join([*parts, html[at : at + 2 * HTML_CHARACTERS]])
    return _GAP.sub("\n", _DATA.sub("", bare))
