"""Work on many items in child processes that may hang or die: the item is lost and named, the run is not.

Parsers written in C can loop or crash on a hostile page, and no Python timeout reaches into them. Each child has an
alarm on its own CPU time (so that a busy machine changes nothing); an alarm or a crash ends the child, not the parent.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterable
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
MOST_CRASHES = 20
"""Crashes in a row, without a result between, after which it is not the items' fault."""
AHEAD = 64
"""Results that may wait for an earlier one before no more items are handed out."""


class Lost:
    """What comes back for an item whose worker was ended: `reason` is "timeout" or "crashed"."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def count_for(threads: int) -> int:
    """Worker processes for a number of threads; 0 means one for each core that this process may use."""
    return threads or len(os.sched_getaffinity(0))


def in_order(
    make: Callable[..., Callable[[T], R]],
    arguments: tuple[Any, ...],
    items: Iterable[T],
    workers: int,
    cpu_seconds: float,
) -> Generator[R | Lost, None, None]:
    """The results of `make(*arguments)(item)` in the order of the items, computed by `workers` processes.

    `make` runs once in each child (load models there) and must be importable. An exception in the work is a bug and is
    raised here; an item that takes over `cpu_seconds` of CPU time, or ends its process, comes back as Lost.
    """
    crew = _Crew(make, arguments, max(workers, 1), cpu_seconds)
    source = enumerate(items)
    done: dict[int, R | Lost] = {}
    turn = 0
    try:
        while True:
            while crew.idle and len(done) < AHEAD and (pair := next(source, None)) is not None:
                crew.hand(*pair)
            if not crew.busy:
                return
            done.update(crew.collect())
            while turn in done:
                yield done.pop(turn)
                turn += 1
    finally:
        crew.close()


class _Crew(Generic[T, R]):
    """Child processes, each with at most one item in hand."""

    def __init__(
        self, make: Callable[..., Callable[[T], R]], arguments: tuple[Any, ...], size: int, cpu_seconds: float
    ) -> None:
        self._target = (make, arguments, cpu_seconds)
        self._context = multiprocessing.get_context("spawn")
        self._processes: dict[Connection, Any] = {}
        self._crashes = 0
        self.idle: list[Connection] = []
        self.busy: dict[Connection, int] = {}
        for _ in range(size):
            self._start()

    def hand(self, number: int, item: T) -> None:
        """Give an item to an idle child; a child found dead is replaced first."""
        pipe = self.idle.pop()
        with contextlib.suppress(BrokenPipeError):
            pipe.send(item)
        self.busy[pipe] = number

    def collect(self) -> dict[int, R | Lost]:
        """Wait for at least one child; results by item number."""
        found: dict[int, R | Lost] = {}
        for ready in wait(list(self.busy)):
            pipe = ready
            assert isinstance(pipe, Connection)
            number = self.busy.pop(pipe)
            try:
                ok, value = pipe.recv()
            except (EOFError, ConnectionResetError):
                found[number] = Lost(self._bury(pipe))
                self._start()
                continue
            if not ok:
                raise RuntimeError(f"a corpus worker failed:\n{value}")
            found[number] = value
            self._crashes = 0
            self.idle.append(pipe)
        return found

    def close(self) -> None:
        """End all children."""
        for pipe, process in self._processes.items():
            pipe.close()
            process.terminate()
            process.join()

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, *self._target), daemon=True)
        process.start()
        theirs.close()
        self._processes[ours] = process
        self.idle.append(ours)

    def _bury(self, pipe: Connection) -> str:
        process = self._processes.pop(pipe)
        pipe.close()
        process.join()
        if process.exitcode == -signal.SIGPROF:
            return "timeout"
        self._crashes += 1
        if self._crashes >= MOST_CRASHES:
            raise RuntimeError(f"{self._crashes} corpus workers in a row died (exit code {process.exitcode}).")
        return "crashed"


def _work(pipe: Connection, make: Callable[..., Callable[[T], R]], arguments: tuple[Any, ...], seconds: float) -> None:
    """A child's life. SIGPROF keeps its default action: it ends the process, also inside C code."""
    import traceback

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    try:
        work = make(*arguments)
        while True:
            item = pipe.recv()
            signal.setitimer(signal.ITIMER_PROF, seconds)
            result = work(item)
            signal.setitimer(signal.ITIMER_PROF, 0)
            pipe.send((True, result))
    except EOFError:
        return
    except Exception:  # noqa: BLE001 - told to the parent, which raises it
        with contextlib.suppress(BrokenPipeError):
            pipe.send((False, traceback.format_exc()))
