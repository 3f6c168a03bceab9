"""Tables of documents: JSON lines (plain, gzip or zstd) and Parquet (FineWeb's layout), one document a row.

The text is in a column that the user may name; `url`, `licence` (or `license`) and `source` are used where they are.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

from trivium.ground.errors import UsageError
from trivium.stages.corpus.sources.page import Page, local_url
from trivium.stages.corpus.urls import host_of

CHUNK = 1 << 20
BATCH = 64
ESCAPED = 6
"""Bytes that a byte of text may take in JSON."""
LICENCES = ("licence", "license")


def json_lines(path: Path, name: str, text_field: str, max_bytes: int, first: int = 0) -> Generator[Page, None, None]:
    """A page for each line from number `first` on that is not blank; those before are unpacked, but not parsed.

    A line that is too long or no JSON object with a text is a failed page.

    Where a packed file breaks off, one page says "truncated". Raises UsageError for a file that is packed otherwise
    than its name says.
    """
    import pyarrow as pa

    packed = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix.lower())
    with pa.OSFile(str(path)) as raw:
        stream = pa.CompressedInputStream(raw, packed) if packed else raw
        number = -1
        try:
            for number, line in enumerate(_lines(stream, ESCAPED * max_bytes + CHUNK)):
                if number < first:
                    continue
                if line is None:
                    yield _failed(name, number, "too_large", raw.tell())
                elif line.strip():
                    yield _of_line(line, name, number, text_field, max_bytes, raw.tell())
        except OSError as error:
            if error.errno is not None:
                raise  # the disk, not the file's content
            if number < 0:
                raise UsageError(f"{path} cannot be unpacked: {error}.", f"Is it {packed or 'text'}?") from error
            yield _failed(name, number + 1, "truncated", raw.tell())


def parquet(path: Path, name: str, text_field: str, max_bytes: int, first: int = 0) -> Generator[Page, None, None]:
    """A page for each row from number `first` on; the rest of a damaged row group are failed pages.

    Raises UsageError for a file that is not Parquet or has no such column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UsageError(f"{path} is no whole Parquet file: {error}.", "Fetch or write it again.") from error
    with file:
        columns = file.schema_arrow.names
        if text_field not in columns:
            raise UsageError(
                f"{path} has no column {text_field!r}: it has {', '.join(columns)}.", "Name its text: score.text_field."
            )
        wanted = [column for column in (text_field, "url", *LICENCES, "source") if column in columns]
        rows, size = file.metadata.num_rows, path.stat().st_size
        number = 0
        for group in range(file.num_row_groups):
            end = number + file.metadata.row_group(group).num_rows
            if end <= first:
                number = end
                continue
            try:
                for batch in file.iter_batches(BATCH, row_groups=[group], columns=wanted):
                    for row in batch.to_pylist():
                        if number >= first:
                            yield _of_row(row, name, number, text_field, max_bytes, size * number // rows)
                        number += 1
            except (pa.ArrowException, OSError) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise
            for left in range(max(number, first), end):
                yield _failed(name, left, "damaged", size * left // rows)
            number = end


def _lines(stream: Any, longest: int) -> Iterator[bytes | None]:
    """The lines of a stream of bytes, without their ends; None for one that is longer than `longest`."""
    held, over = b"", False
    while chunk := stream.read(CHUNK):
        *whole, held = (held + chunk).split(b"\n")
        for line in whole:
            yield None if over or len(line) > longest else line
            over = False
        if len(held) > longest:
            held, over = b"", True
    if over or held:
        yield None if over else held


def _of_line(line: bytes, name: str, number: int, text_field: str, max_bytes: int, position: int) -> Page:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return _failed(name, number, "bad_json", position)
    if not isinstance(row, dict):
        return _failed(name, number, "bad_json", position)
    return _of_row(row, name, number, text_field, max_bytes, position)


def _of_row(row: Mapping[str, Any], name: str, number: int, text_field: str, max_bytes: int, position: int) -> Page:
    text = row.get(text_field)
    if not isinstance(text, str):
        return _failed(name, number, "no_text_field", position)
    body = text.encode("utf-8", "replace")
    if not text.strip() or len(body) > max_bytes:
        return _failed(name, number, "too_large" if text.strip() else "empty_body", position)
    url = _string(row, "url")
    licence = next(filter(None, (_string(row, key) for key in LICENCES)), "")
    return Page(
        url if host_of(url) else local_url(name, number),
        body, "utf-8", licence, _string(row, "source"), number, kind="text", position=position, place=number,
    )  # fmt: skip


def _string(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _failed(name: str, number: int, reason: str, position: int) -> Page:
    return Page(local_url(name, number), b"", "", "", "", number, reason, position=position, place=number)
