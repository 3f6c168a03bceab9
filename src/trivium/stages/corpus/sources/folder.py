"""One's own documents: HTML, Markdown and text files. Long texts are cut at paragraphs into documents of a size.

A book in one file is many documents: so it can be held out in part, and no page filter weighs it as one page.
"""

from __future__ import annotations

import codecs
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from trivium.stages.corpus.extract import Unreadable, decode
from trivium.stages.corpus.sources.find import HTML, TEXT
from trivium.stages.corpus.sources.page import Page, local_url

HEAD = 1 << 16
LONGEST_LINE = 1 << 20
"""Characters after which a line is read on as another, so that no file has to fit in memory."""


def pages(
    files: Sequence[Path], root: Path, max_bytes: int, piece_characters: int, first: int = 0
) -> Generator[Page, None, None]:
    """A page for each file from number `first` on, or several of a long text, in order. A file that cannot be read is
    a failed page.
    """
    position = 0
    for number, path in enumerate(files):
        place = path.relative_to(root).as_posix()
        empty = Page(local_url(place), b"", "", "", "", 0, position=position, place=number)
        size = 0
        try:
            size = path.stat().st_size
            if number >= first:
                yield from _of_file(path, place, empty, size, max_bytes, piece_characters)
        except OSError:
            if number >= first:
                yield replace(empty, failed="unreadable")
        position += size


def _of_file(path: Path, place: str, empty: Page, size: int, max_bytes: int, piece: int) -> Iterator[Page]:
    ending = path.suffix.lower()
    if ending not in HTML + TEXT or not path.is_file():
        yield replace(empty, failed="unknown_type")
    elif size == 0:
        yield replace(empty, failed="empty_body")
    elif ending in HTML:
        whole = size <= max_bytes
        yield replace(empty, body=path.read_bytes()) if whole else replace(empty, failed="too_large")
    elif size <= piece:
        yield replace(empty, body=path.read_bytes(), kind="text")
    else:
        for number, text in enumerate(_cut(path, piece)):
            body = text.encode("utf-8", "replace")
            read = empty.position + min(size, number * piece)
            yield replace(
                empty, url=local_url(place, number), body=body, charset="utf-8", offset=number, kind="text",
                position=read,
            )  # fmt: skip


def _cut(path: Path, size: int) -> Iterator[str]:
    """The text in pieces of about `size` characters that end with a paragraph, or where none ends, with a line."""
    with open(path, "rb") as file:
        charset = _charset(file.read(HEAD))
    held: list[str] = []
    length = 0
    with open(path, encoding=charset, errors="replace") as file:
        while line := file.readline(LONGEST_LINE):
            held.append(line)
            length += len(line)
            if length >= size and (not line.strip() or length >= 2 * size):
                yield "".join(held)
                held, length = [], 0
    if "".join(held).strip():
        yield "".join(held)


def _charset(head: bytes) -> str:
    """The character set of a text that begins like this; its last character may be cut in two."""
    try:
        codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        try:
            return decode(head)[1]
        except Unreadable:
            return "utf-8"
    return "utf-8-sig"
