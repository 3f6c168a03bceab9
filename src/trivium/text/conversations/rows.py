"""The rows of a file with their numbers: JSON lines (plain, gzip, zstd), a JSON list, Parquet. A bad one stops none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trivium.ground.errors import UsageError

PACKED = {".gz": "gzip", ".zst": "zstd"}
LINES = (".jsonl", ".ndjson", ".json")
BATCH = 256
LONGEST = 64 << 20
"""Bytes of a line that are read; a longer one is damaged."""


@dataclass(frozen=True)
class Row:
    """One row: its value, or what is wrong with it."""

    number: int
    """Counted from 1: the line of a text file, the row of a table."""
    value: Any = None
    damage: str = ""


def rows_of(path: Path) -> Iterator[Row]:
    """Every row that is not blank. Raises UsageError for a file that is not there, or not whole, or of another kind."""
    import pyarrow as pa

    kind = path.with_suffix("").suffix.lower() if path.suffix.lower() in PACKED else path.suffix.lower()
    if not path.is_file():
        raise UsageError(f"{path} is not there.", "Give a file of conversations: JSON lines or Parquet.")
    if kind not in (*LINES, ".parquet"):
        raise UsageError(
            f"{path} is of no kind that is read.", "Give .jsonl (or .jsonl.gz, .jsonl.zst), .json or .parquet."
        )
    try:
        yield from (_table(path) if kind == ".parquet" else _text(path, kind))
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"{path} is damaged or cut: {error}.", "Fetch or write it again.") from error


def _table(path: Path) -> Iterator[Row]:
    import pyarrow.parquet as pq

    number = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH):
            for value in batch.to_pylist():
                number += 1
                yield Row(number, value)


def _text(path: Path, kind: str) -> Iterator[Row]:
    lines = _lines(path)
    first = next(lines, None)
    if kind == ".json" and first is not None and first[1].lstrip()[:1] == b"[":
        yield from _list(path, b"\n".join([first[1], *(line for _, line in lines)]))
        return
    for number, line in [first] if first is not None else []:
        yield from _row(number, line)
    for number, line in lines:
        yield from _row(number, line)


def _list(path: Path, data: bytes) -> Iterator[Row]:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON: {error}.", "Give one object a line, or one list of them.") from error
    for number, value in enumerate(values, 1):
        yield Row(number, value)


def _row(number: int, line: bytes) -> Iterator[Row]:
    if len(line) > LONGEST:
        yield Row(number, damage=f"the line has {len(line):,} bytes, more than {LONGEST:,}")
    elif line.strip():
        try:
            yield Row(number, json.loads(line))
        except RecursionError:
            yield Row(number, damage="its brackets are nested too deep")
        except ValueError as error:
            yield Row(number, damage=str(error))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line with its number; nothing but a line feed ends one, since JSON may hold any other separator."""
    import pyarrow as pa

    number, rest = 1, b""
    with pa.OSFile(str(path)) as raw:
        packed = PACKED.get(path.suffix.lower())
        stream = pa.CompressedInputStream(raw, packed) if packed else raw
        while chunk := stream.read(1 << 20):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                number += 1
    yield number, rest
