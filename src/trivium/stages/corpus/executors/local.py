"""Processes of this machine. Each reads its own files: no page goes through a pipe, only words on what to do.

Where there are fewer files than processes, several share one: whoever has read a part says where the next begins, and
another begins there while the first scores.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection

from trivium.ground.how import How
from trivium.ground.progress import Progress
from trivium.stages.corpus.executors.child import Job
from trivium.stages.corpus.executors.crew import Crew
from trivium.stages.corpus.shards.parts import part_path, read_part
from trivium.stages.corpus.shards.plan import Plan, Shard, Task
from trivium.stages.corpus.shards.reading import Place
from trivium.stages.corpus.sources.remote import fetch

WORTH = 1 << 18
"""Stored bytes for which one more process is worth its start."""


@dataclass
class _State:
    """How far a shard is."""

    shard: Shard
    place: Place | None
    """Where the next part begins that nobody has in hand; None while that is not known, or when there is none."""
    reading: int | None = None
    """The part whose reader will say where the next one begins."""


def run(task: Task, plan: Plan, how: How, shards: Sequence[Shard] | None = None) -> None:
    """Make all missing parts of the plan, or of some of its shards. Raises Stopped; what is written stays."""
    _Dealer(task, plan, how, plan.shards if shards is None else shards).run()


def count_for(threads: int) -> int:
    """Worker processes for a number of threads; 0 means one for each core that this process may use."""
    return threads or len(os.sched_getaffinity(0))


class _Dealer:
    """Deals parts to the processes of a crew."""

    def __init__(self, task: Task, plan: Plan, how: How, shards: Sequence[Shard]) -> None:
        self.plan, self.how = plan, how
        fetch([shard.source for shard in shards], how)
        sizes = [shard.source.size() for shard in shards]
        self.bar = Progress("reading pages", sum(sizes) / 1e6, "MB", how)
        self.states = {shard.number: _State(shard, Place()) for shard in shards}
        self.untouched = deque(self.states)
        self.shared: dict[int, _State] = {}
        self.again: list[Job] = []
        self.last: dict[Connection, int] = {}
        worth = sum(max(1, size // WORTH) for size in sizes)
        self.crew = Crew(task, plan, min(count_for(how.threads), worth))

    def run(self) -> None:
        """Until nothing is left. The crew is ended on any way out."""
        with self.bar, closing(self.crew):
            while True:
                self.how.stop.check("while reading pages")
                self._deal()
                if not self.crew.busy:
                    return
                self._listen()

    def _deal(self) -> None:
        while len(self.crew.busy) < self.crew.size:
            own = [self.last[pipe] for pipe in self.crew.idle if self.last.get(pipe) in self.shared]
            job = self._choose(own)
            if job is None:
                return
            while len(self.crew) < self.crew.size:
                self.crew.hire()  # all at once: they load their models side by side
            last = (pipe for pipe in self.crew.idle if self.last.get(pipe) == job.shard.number)
            pipe = next(last, self.crew.idle[0])
            self.last[pipe] = job.shard.number
            self.crew.hand(pipe, job)

    def _choose(self, own: Sequence[int]) -> Job | None:
        """A job: one whose process died, else of a file that an idle process has open, else of a file that nobody has,
        else of any.
        """
        if self.again:
            return self.again.pop()
        number = own[0] if own else self._fresh()
        if number is None:
            number = next(iter(self.shared), None)
        if number is None:
            return None
        state = self.states[number]
        self.shared.pop(number, None)
        assert state.place is not None
        job = Job(state.shard, state.place)
        state.place, state.reading = None, job.place.part
        return job

    def _fresh(self) -> int | None:
        """A file that nobody has touched and that has parts to make."""
        while self.untouched:
            number = self.untouched.popleft()
            self._pass_done(self.states[number])
            if self.states[number].place is not None:
                return number
        return None

    def _listen(self) -> None:
        jobs = dict(self.crew.busy)
        for pipe, kind, value in self.crew.news():
            job = jobs[pipe]
            if kind == "again":
                self.again.append(value)
                del self.last[pipe]
            elif kind == "done":
                self.bar.advance(value / 1e6)
            elif kind == "read":
                state = self.states[job.shard.number]
                if state.reading == job.place.part:
                    state.place, state.reading = value, None
                    self._pass_done(state)
                    if state.place is not None:
                        self.shared[job.shard.number] = state

    def _pass_done(self, state: _State) -> None:
        """Move a shard's place behind the parts that are there already."""
        while state.place is not None:
            part = read_part(part_path(self.plan, state.shard, state.place.part))
            if part is None:
                return
            self.bar.advance(part.read / 1e6)
            state.place = part.next
