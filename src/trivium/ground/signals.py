"""SIGINT and SIGTERM become a flag that loops look at; a second signal ends the process at once.

A loop saves at its next step boundary and raises `Stopped` (exit 4). Handlers are installed only inside `listening()`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from trivium.ground.errors import Stopped


class StopFlag:
    """Whether somebody asked this run to stop."""

    def __init__(self) -> None:
        self.requested = False
        self.reason = ""

    def request(self, reason: str) -> None:
        """Ask the run to stop at its next boundary."""
        self.requested = True
        self.reason = reason

    def check(self, where: str) -> None:
        """Raise `Stopped` if the run was asked to stop. Call it where the state is saved."""
        if self.requested:
            raise Stopped(f"Stopped by {self.reason} {where}.", "The same command continues from here.")


@contextlib.contextmanager
def listening(flag: StopFlag, rank: int = 0, ranks: int = 1) -> Iterator[StopFlag]:
    """Within the block, SIGINT and SIGTERM set `flag`; the earlier handlers come back afterwards.

    Of several ranks only the first says so, and a second signal counts for nothing: launchers send each one on, so that
    it comes twice, and end by themselves what does not heed it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        if flag.requested and ranks > 1:
            return
        if flag.requested:
            os.write(2, b"\x1b[?25h" if os.isatty(2) else b"")  # a progress bar may have hidden the cursor
            os._exit(128 + number)
        flag.request(signal.Signals(number).name)
        if rank == 0:
            more = b"" if ranks > 1 else b"; once more stops at once"
            os.write(2, b"\nStopping at the next point that can be continued from" + more + b".\n")

    numbers = (signal.SIGINT, signal.SIGTERM)
    earlier = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield flag
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def end(code: int, ranks: int) -> NoReturn:
    """End this process with a code. One of several ranks goes at once, its output flushed: threads of the connections
    to the others may still run, and at the interpreter's own end they would abort it now and then.
    """
    if ranks > 1:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)
