"""JSON lines, flushed line by line: `metrics.jsonl` (one line a step) and `events.jsonl`.

A killed run leaves at most a torn last line, which readers skip and a resumed writer cuts off.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


class JsonLog:
    """Appends records to a JSON-lines file, one flushed line each."""

    def __init__(self, path: Path, keep: Callable[[dict[str, Any]], bool] | None = None) -> None:
        """Open for appending. With `keep`, earlier records that it refuses are cut off first (a resumed run)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [record for record in read_jsonl(path) if keep is None or keep(record)] if path.exists() else []
        self._file = open(path, "w", encoding="utf-8")
        for record in kept:
            self.write(record)

    def write(self, record: dict[str, Any]) -> None:
        """Append one record."""
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a JSON-lines file; a torn last line is left out, a torn line elsewhere raises ValueError."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                if line.endswith("\n"):
                    raise
                return


def write_jsonl(path: Path, records: list[dict[str, Any]]) -> None:
    """Write all records, one a line. For files inside a folder that is being sealed."""
    with open(path, "w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
