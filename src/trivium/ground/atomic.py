"""Writes that are either there whole or not there: a temporary neighbour, fsync, rename, fsync of the folder.

A crash at any point leaves the old content or the new content, never a torn file. (The protocol is the one that
SQLite's and LevelDB's documentation recommend for replacing a file.)
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from trivium.ground.alive import alive, mark


def fsync_path(path: Path) -> None:
    """Flush a file's or folder's entry to the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_atomic(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, atomically and durably. Raises OSError (for example ENOSPC), leaving the old file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep_files(path)
    temporary = path.with_name(f".{path.name}.tmp-{mark()}")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_path(path.parent)


def sweep_files(path: Path) -> None:
    """Remove the temporary neighbours of `path` whose writers are dead."""
    start = f".{path.name}.tmp-"
    for name in os.listdir(path.parent):
        if name.startswith(start) and not alive(name.removeprefix(start)):
            path.with_name(name).unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as sorted, indented JSON, atomically. NaN is refused: it is not JSON."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_atomic(path, (text + "\n").encode())


def read_json(path: Path) -> Any:
    """The value of a JSON file."""
    return json.loads(path.read_bytes())
