"""Child processes, each with at most one job in hand; one that dies is replaced, and its page is named."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

from trivium.stages.corpus.executors.child import NOTHING, Job, serve
from trivium.stages.corpus.shards.plan import Plan, Task

MOST_CRASHES = 20
"""Pages in a row that crash, after which it is not the pages' fault."""
TRIES = 2
"""Times that a page is scored before it counts as what crashes: a process may die for other reasons, of no memory."""
PATIENCE = 0.25
"""Seconds without news after which the caller gets a turn, to see whether it was asked to stop."""


class Crew:
    """Up to `size` processes."""

    def __init__(self, task: Task, plan: Plan, size: int) -> None:
        self._task, self._plan, self.size = task, plan, max(1, size)
        self._context = multiprocessing.get_context("spawn")
        self._processes: dict[Connection, tuple[Any, Any]] = {}
        self.idle: list[Connection] = []
        self.busy: dict[Connection, Job] = {}

    def __len__(self) -> int:
        return len(self._processes)

    def hire(self) -> None:
        """Start one more process, idle at first."""
        ours, theirs = self._context.Pipe()
        hand = self._context.RawValue(ctypes.c_longlong, NOTHING)
        process = self._context.Process(target=serve, args=(theirs, hand, self._task, self._plan), daemon=True)
        process.start()
        theirs.close()
        self._processes[ours] = (process, hand)
        self.idle.append(ours)

    def hand(self, pipe: Connection, job: Job) -> None:
        """Give a job to an idle process. One found dead is noticed by `news`."""
        self.idle.remove(pipe)
        self.busy[pipe] = job
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            pipe.send(job)

    def news(self) -> Iterator[tuple[Connection, str, Any]]:
        """What the busy processes say, after a wait of up to PATIENCE: ("read", place), ("done", bytes), ("again", job)
        for a job whose process ended. Raises what a process raised.
        """
        for pipe in wait(list(self.busy), PATIENCE):
            assert isinstance(pipe, Connection)
            try:
                kind, value = pipe.recv()
            except (EOFError, ConnectionResetError):
                yield pipe, "again", self._bury(pipe)
                continue
            if kind == "failed":
                raise value["error"](*value["arguments"])
            if kind == "done":
                del self.busy[pipe]
                self.idle.append(pipe)
            yield pipe, kind, value

    def close(self) -> None:
        """End all processes. What they have written stays."""
        for pipe, (process, _) in self._processes.items():
            pipe.close()
            process.terminate()
            process.join()
        self._processes.clear()

    def _bury(self, pipe: Connection) -> Job:
        """Put down what a dead process had in hand; gives the job, which is to be done again without that page."""
        process, hand = self._processes.pop(pipe)
        job = self.busy.pop(pipe)
        pipe.close()
        process.join()
        page = hand.value
        if page != NOTHING and process.exitcode == -signal.SIGPROF:
            job.lost[page] = "timeout"
            return job
        job.deaths[page] = job.deaths.get(page, 0) + 1
        if page == NOTHING:
            if job.deaths[page] > TRIES:
                raise RuntimeError(
                    f"{job.deaths[page]} corpus workers died (exit code {process.exitcode}) while reading or writing "
                    f"{job.shard.source.name}, part {job.place.part}."
                )
        elif job.deaths[page] >= TRIES:
            job.lost[page] = "crashed"
            if all(job.lost.get(page - back) == "crashed" for back in range(MOST_CRASHES)):
                raise RuntimeError(
                    f"{MOST_CRASHES} pages in a row ended their corpus workers (exit code {process.exitcode})."
                )
        return job
