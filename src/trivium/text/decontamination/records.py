"""The records of a file of test items: JSON lines (plain, gzip, zstd), Parquet, or text by paragraphs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from trivium.ground.errors import UsageError

_PACKED = {".gz": "gzip", ".zst": "zstd"}


def fingerprints(files: Sequence[str]) -> dict[str, str]:
    """The hash of each file: what an artifact's identity holds of it. Raises UsageError for one that is not there."""
    found = {}
    for name in files:
        try:
            with open(name, "rb") as file:
                found[Path(name).name] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UsageError(f"{name}: {error.strerror}.", "Give files that can be read.") from None
    return found


def records_of(path: Path) -> Iterator[Any]:
    """One after the other. Raises UsageError, naming the line, for what cannot be read: half a test set keeps nothing
    clean.
    """
    kinds = path.suffixes
    try:
        if path.suffix == ".parquet":
            yield from _parquet(path)
        elif any(kind in (".jsonl", ".json", ".ndjson") for kind in kinds):
            yield from _json_lines(path)
        else:
            yield from _text(path).split("\n\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", "Give JSON lines, Parquet or text.") from None


def _parquet(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(1024):
                yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise UsageError(f"{path} is no whole Parquet file: {error}", "Fetch or write it again.") from None


def _json_lines(path: Path) -> Iterator[Any]:
    for number, line in enumerate(_text(path).split("\n"), 1):  # not splitlines: U+2028 may stand in JSON
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{path}, line {number} is no JSON: {error}", "One object a line.") from None


def _text(path: Path) -> str:
    import pyarrow as pa

    with pa.OSFile(str(path)) as raw:
        stream = pa.CompressedInputStream(raw, _PACKED[path.suffix]) if path.suffix in _PACKED else raw
        return bytes(stream.read()).decode("utf-8")
