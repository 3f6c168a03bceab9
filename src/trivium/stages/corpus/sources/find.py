"""From the paths that a user names to the sources that are read, in an order that is always the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trivium.ground.artifact import hash_file
from trivium.ground.errors import UsageError
from trivium.stages.corpus.sources.page import Page

Format = Literal["warc", "jsonl", "parquet", "files"]
HTML = (".html", ".htm", ".xhtml")
TEXT = (".md", ".markdown", ".txt", ".text", ".rst")
ENDINGS: dict[Format, tuple[str, ...]] = {
    "warc": (".warc", ".warc.gz", ".wet", ".wet.gz"),
    "jsonl": (".jsonl", ".jsonl.gz", ".jsonl.zst", ".ndjson", ".ndjson.gz", ".ndjson.zst"),
    "parquet": (".parquet",),
    "files": (*HTML, *TEXT),
}
"""How files of a format end. In a folder, files with other endings are counted as of unknown type."""


@dataclass(frozen=True)
class Source:
    """One file of many documents, or all documents of a folder that are files of their own."""

    name: str
    """As the rows name it: the path below the folder that the user gave."""
    format: Format
    root: Path
    files: tuple[Path, ...]
    """In order; one, but for `files`."""
    remote: str = ""
    """Where the file has to be fetched from first; "" for what is here."""
    version: str = ""
    """Of a remote file: what changes when its bytes do."""

    def size(self) -> int:
        """Bytes as stored."""
        return sum(_size(path) for path in self.files)

    def fingerprint(self) -> str:
        """A hash of the names and bytes of all files: another when one is edited, added, renamed or taken away.

        Raises UsageError for a file of many documents that cannot be read.
        """
        if self.remote:
            return f"{self.name} {self.version}".strip()
        if self.format != "files":
            try:
                return hash_file(self.files[0])
            except OSError as error:
                raise UsageError(
                    f"{self.files[0]} cannot be read: {error.strerror}.", "Mend it or leave it out."
                ) from error
        digest = hashlib.sha256()
        for path in self.files:
            digest.update(f"{_below(path, self.root)}\0{_hash(path)}\n".encode())
        return digest.hexdigest()


def find(names: Sequence[str], files: int = 1) -> list[Source]:
    """The sources of the names, in the order given, a folder's by name. Hidden files and folders are passed over.

    Of a remote collection (`cc:...`, `hf:...`) so many `files`. Raises UsageError for a path that is not there, a file
    of unknown type, and a folder without any document.
    """
    from trivium.stages.corpus.sources import remote

    found: list[Source] = []
    for name in names:
        path = Path(name)
        if name.startswith(remote.SCHEMES):
            found += remote.find(name, files)
        elif path.is_dir():
            found += _in_folder(path)
        elif path.is_file():
            found.append(Source(path.name, _format_of_named(path), path.parent, (path,)))
        else:
            raise UsageError(f"There is no source {name!r}.", "Give a file or a folder of documents.")
    return found


def read(
    source: Source, max_bytes: int, text_field: str, piece_characters: int, first: int = 0
) -> Generator[Page, None, None]:
    """The pages of a source, in order, from the place `first` on (`Page.place`): those that a reading from the start
    meets there, the same ones. Raises UsageError for a file that is not what its name says.
    """
    from trivium.stages.corpus.sources import folder, tables, warc

    if source.format == "files":
        return folder.pages(source.files, source.root, max_bytes, piece_characters, first)
    (path,) = source.files
    if source.format == "warc":
        return warc.pages(path, max_bytes, first)
    reader = tables.json_lines if source.format == "jsonl" else tables.parquet
    return reader(path, source.name, text_field, max_bytes, first)


def format_of(path: Path) -> Format | None:
    """The format that a file's name promises."""
    name = path.name.lower()
    return next((format for format, endings in ENDINGS.items() if name.endswith(endings)), None)


def _format_of_named(path: Path) -> Format:
    format = format_of(path)
    if format is None:
        known = " ".join(ending for endings in ENDINGS.values() for ending in endings)
        raise UsageError(f"{path} is of no type that is read.", f"Files end in one of: {known}.")
    return format


def _in_folder(root: Path) -> list[Source]:
    files = list(_walk(root))
    found: list[Source] = []
    own = tuple(path for path in files if format_of(path) in ("files", None))
    if any(format_of(path) == "files" for path in own):
        found.append(Source(root.name or str(root), "files", root, own))
    for path in files:
        format = format_of(path)
        if format is not None and format != "files":
            found.append(Source(_below(path, root), format, root, (path,)))
    if not found:
        raise UsageError(
            f"The folder {str(root)!r} holds no document.",
            "Documents are HTML, Markdown and text files, JSON lines, Parquet, WARC and WET.",
        )
    return found


def _walk(root: Path) -> Iterator[Path]:
    """The files below a folder, sorted; links to folders are not followed, so that none is met twice."""
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(folder) / name


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _hash(path: Path) -> str:
    try:
        return hash_file(path) if path.is_file() else "no file"  # a pipe would be waited for
    except OSError:
        return "unreadable"
