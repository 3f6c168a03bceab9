"""One process at a time on one output folder. The kernel frees the lock when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from trivium.ground.errors import ArtifactError


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder/.lock` within the block. Raises ArtifactError, naming the holder's pid, when another has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise ArtifactError(f"{folder} is locked by pid {holder}.",
                                "Wait for that run, or give another --out.") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
