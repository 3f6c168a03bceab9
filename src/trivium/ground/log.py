"""JSON lines, written line by line: `metrics.jsonl` (one line a step) and `events.jsonl`.

A killed run leaves at most a torn last line, which readers skip and a resumed writer cuts off.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from trivium.ground.atomic import write_atomic


class JsonLog:
    """Appends records to a JSON-lines file, each with one system call, so that a reader sees whole lines at once."""

    def __init__(self, path: Path, keep: Callable[[dict[str, Any]], bool] | None = None) -> None:
        """Open for appending. With `keep`, earlier records that it refuses are cut off first (a resumed run)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            kept = [record for record in read_jsonl(path) if keep is None or keep(record)]
            data = b"".join(_line(record) for record in kept)
            if data != path.read_bytes():
                write_atomic(path, data)  # killed here, the file is the old one or the new one
        self._file = open(path, "ab", buffering=0)

    def write(self, record: dict[str, Any]) -> None:
        """Append one record. Raises OSError when the disk takes less than the whole line."""
        line = _line(record)
        written = self._file.write(line)
        if written != len(line):
            self._file.truncate(self._file.tell() - written)
            raise OSError(f"{self._file.name}: only {written} of {len(line)} bytes could be written")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> JsonLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a JSON-lines file; a torn last line is left out, a torn line elsewhere raises ValueError."""
    with open(path, "rb") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                if line.endswith(b"\n"):
                    raise
                return


def write_jsonl(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write all records, one a line. For files inside a folder that is being sealed."""
    with open(path, "wb") as file:
        for record in records:
            file.write(_line(record))


def _line(record: dict[str, Any]) -> bytes:
    return (json.dumps(_finite(record), ensure_ascii=False, allow_nan=False) + "\n").encode()


def _finite(value: Any) -> Any:
    """The value with null in the place of NaN and infinities, which JSON has no words for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
