"""What an index is built from: a `selected` artifact, or text, Markdown, HTML, JSON lines and Parquet."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import IO, Any, cast

from trivium.ground.artifact import MANIFEST, open_artifact
from trivium.ground.errors import UsageError
from trivium.text.document import count_documents, read_documents

PLAIN, PAGES, ROWS = (".txt", ".md", ".markdown", ".rst"), (".html", ".htm"), (".jsonl", ".ndjson", ".parquet")
LONGEST_TITLE = 120
LARGEST_PAGE = 8 << 20
"""Bytes of an HTML file that are read."""
UNSHOWN = frozenset(["script", "style", "noscript", "template", "svg"])
BLOCKS = frozenset(
    "p div br li tr h1 h2 h3 h4 h5 h6 section article header footer pre blockquote table ul ol dt dd".split()
)
BATCH = 256


@dataclass(frozen=True)
class Entry:
    """One document to be found."""

    id: str
    title: str
    url: str
    text: str


def entries(paths: Iterable[Path]) -> Iterator[Entry]:
    """The documents at these places, in order. Raises UsageError for a place that is not there or cannot be read."""
    for path in paths:
        if (path / MANIFEST).is_file():
            selected = open_artifact(path, "selected")
            for name in ("train.parquet", "heldout.parquet"):
                for document in read_documents(selected.file(name)):
                    yield Entry(document.id, titled(document.text), document.url, document.text)
        else:
            for file in files_of(path):
                yield from _entries_of(file, path)


def files_of(path: Path) -> list[Path]:
    """The files at a place that can be read, in order of their names. Raises UsageError when there are none."""
    if path.is_file():
        return [path]
    kinds = (*PLAIN, *PAGES, *ROWS)
    found = [
        file
        for file in sorted(path.rglob("*"))
        if _kind(file) in kinds and file.is_file() and not any(p.startswith(".") for p in file.relative_to(path).parts)
    ]
    if not found:
        raise UsageError(f"{path} holds no documents.", f"Files are read that end in {' '.join(kinds)}.")
    return found


def count(paths: Iterable[Path]) -> int:
    """How many documents there are at these places, for a progress bar: lines are counted, not read."""
    total = 0
    for path in paths:
        sealed = (path / MANIFEST).is_file()
        for file in [path / "train.parquet", path / "heldout.parquet"] if sealed else files_of(path):
            total += _count(file)
    return total


def _count(file: Path) -> int:
    if _kind(file) not in ROWS:
        return 1
    if _kind(file) == ".parquet":
        try:
            return count_documents(file)
        except (OSError, ValueError):  # reading it will say what is wrong
            return 1
    with _unpacked(file) as lines:
        return sum(1 for line in lines if line.strip())


def fingerprints(paths: Iterable[Path]) -> dict[str, str]:
    """For each place a hash of the names and bytes of its files; an artifact's id."""
    found = {}
    for path in paths:
        if (path / MANIFEST).is_file():
            found[str(path)] = open_artifact(path, "selected").id
            continue
        total = hashlib.sha256()
        for file in files_of(path):
            total.update(str(file.relative_to(path) if file != path else file.name).encode() + b"\0")
            with open(file, "rb") as content:
                total.update(hashlib.file_digest(content, "sha256").digest())
        found[str(path)] = total.hexdigest()
    return found


def titled(text: str, name: str = "") -> str:
    """A title: the first Markdown heading, else the name, else the first line."""
    heading = re.search(r"^#{1,3} +(.+)$", text[:4000], re.MULTILINE)
    first = heading[1] if heading else name or text.strip().split("\n", 1)[0]
    return first.strip()[:LONGEST_TITLE]


def _kind(file: Path) -> str:
    return (file.with_suffix("") if file.suffix == ".gz" else file).suffix.lower()


def _entries_of(file: Path, root: Path) -> Iterator[Entry]:
    name = str(file.relative_to(root)) if file != root else file.name
    done = 0
    try:
        if _kind(file) in ROWS:
            for row in _rows(file):
                yield _of_row(row, f"{name}:{done}")
                done += 1
        elif _kind(file) in PAGES:
            with open(file, "rb") as content:
                page = Page(content.read(LARGEST_PAGE).decode("utf-8", "replace"))
            yield Entry(name, page.title or titled(page.text, name), "", page.text)
        else:
            text = file.read_bytes().decode("utf-8", "replace")
            yield Entry(name, titled(text, name), "", text)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{file} cannot be read beyond its first {done} documents: {error!r}.",
            "Give a text in each row of JSON lines or Parquet, or files of text, Markdown or HTML.",
        ) from error


def _of_row(row: Mapping[str, Any], fallback: str) -> Entry:
    text, url = str(row["text"]), str(row.get("url") or "")
    return Entry(str(row.get("id") or fallback), str(row.get("title") or titled(text))[:LONGEST_TITLE], url, text)


def _rows(file: Path) -> Iterator[Mapping[str, Any]]:
    if _kind(file) != ".parquet":
        with _unpacked(file) as lines:
            yield from (json.loads(line) for line in lines if line.strip())
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            columns = [name for name in ("id", "url", "title", "text") if name in table.schema_arrow.names]
            for batch in table.iter_batches(BATCH, columns=columns):
                yield from batch.to_pylist()
    except pa.ArrowInvalid as error:
        raise ValueError(str(error)) from error


def _unpacked(file: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(file, "rb")) if file.suffix == ".gz" else open(file, "rb")


class Page(HTMLParser):
    """The title and the shown text of an HTML page."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self._pieces: list[str] = []
        self._within = [""]
        self.feed(source.replace("<![", "&lt;!["))  # the library raises at marked sections that it does not know
        self.close()

    @property
    def text(self) -> str:
        """The text, a block a line."""
        lines = (" ".join(line.split()) for line in "".join(self._pieces).split("\n"))
        return "\n".join(line for line in lines if line)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Break lines at blocks, and remember where text is not shown."""
        if tag in UNSHOWN or tag == "title":
            self._within.append(tag)
        elif tag in BLOCKS:
            self._pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """Leave what was entered."""
        if tag == self._within[-1]:
            self._within.pop()
        elif tag in BLOCKS:
            self._pieces.append("\n")

    def handle_data(self, data: str) -> None:
        """Keep what is shown."""
        if self._within[-1] == "title":
            self.title = (self.title + " " + data).strip()[:LONGEST_TITLE]
        elif not self._within[-1]:
            self._pieces.append(data)
