"""One process at a time on one output folder. The kernel frees the lock when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from trivium.ground.errors import ArtifactError

_held: set[int] = set()
_hooked = False


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder/.lock` within the block. Raises ArtifactError, naming the holder's pid, when another has it."""
    folder.mkdir(parents=True, exist_ok=True)
    _hook()
    with open(folder / ".lock", "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise ArtifactError(
                f"{folder} is locked by pid {holder}.", "Wait for that run, or give another --out."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        _held.add(file.fileno())
        try:
            yield
        finally:
            _held.discard(file.fileno())


def _hook() -> None:
    """Let forked workers drop their copy of the lock, so that none of them holds it after their parent was killed."""
    global _hooked  # noqa: PLW0603  (a process has one fork hook)
    if not _hooked:
        os.register_at_fork(after_in_child=_forget)
        _hooked = True


def _forget() -> None:
    nowhere = os.open(os.devnull, os.O_RDONLY)
    for fd in _held:
        os.dup2(nowhere, fd)  # not closed: the file object of the parent's frame still owns the number
    os.close(nowhere)
    _held.clear()
