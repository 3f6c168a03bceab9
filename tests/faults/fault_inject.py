"""The injector: stops the process, or fails a call, at the k-th boundary of anything that writes.

Boundaries are before and after every open for writing, in the middle of every write, before every fsync, before and
after every rename, and before every mkdir, unlink and rmdir.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CRASH = 99


class Faults:
    """Counts boundaries; at number `at` it ends the process at once (`crash`) or raises "no space left"."""

    def __init__(self, at: int = -1, crash: bool = True) -> None:
        self.at, self.crash, self.count = at, crash, 0

    def boundary(self) -> None:
        """Pass one boundary, or fail at it."""
        self.count += 1
        if self.count == self.at:
            if self.crash:
                os._exit(CRASH)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextlib.contextmanager
    def installed(self) -> Iterator[Faults]:
        """Within the block, all writing of this process passes the boundaries."""
        real_open = builtins.open

        def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            if not set(mode) & set("wax+"):
                return real_open(file, mode, *args, **kwargs)
            self.boundary()
            handle = real_open(file, mode, *args, **kwargs)
            try:
                self.boundary()
            except OSError:
                handle.close()
                raise
            return _Torn(handle, self)

        names = {"fsync": False, "replace": True, "mkdir": False, "unlink": False, "rmdir": False}
        real = {name: getattr(os, name) for name in names}
        builtins.open = opened  # type: ignore[assignment]
        for name, after in names.items():
            setattr(os, name, self._wrapped(real[name], after))
        try:
            yield self
        finally:
            builtins.open = real_open
            for name, function in real.items():
                setattr(os, name, function)

    def _wrapped(self, function: Callable[..., Any], after: bool) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.boundary()
            result = function(*args, **kwargs)
            if after:
                self.boundary()
            return result

        return wrapped


class _Torn:
    """A file whose writes can stop half-way."""

    def __init__(self, file: Any, faults: Faults) -> None:
        self._file, self._faults = file, faults

    def write(self, data: Any) -> Any:
        """Write half, pass a boundary, write the rest."""
        half = len(data) // 2
        self._file.write(data[:half])
        self._file.flush()
        self._faults.boundary()
        self._file.write(data[half:])
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _Torn:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def boundaries(act: Callable[[], object]) -> int:
    """How many boundaries `act` passes when nothing fails."""
    with Faults().installed() as faults:
        act()
    return faults.count


def crash_at(k: int, act: Callable[[], object]) -> int:
    """Do `act` in a forked child that dies at boundary k; the child's exit code (CRASH, or 0 when there is no k-th)."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with Faults(k).installed():
                act()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def flip_bit(path: Path, at: float = 0.5) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[int(at * (len(data) - 1))] ^= 4
    path.write_bytes(data)


def truncate(path: Path, share: float = 0.5) -> None:
    """Cut a file off."""
    os.truncate(path, int(share * path.stat().st_size))
