"""The generation thread: it alone touches the engines. Jobs come in from the event loop, pieces go back to it.

A job is one HTTP request: one or more completions of one model. It waits in a bounded line, takes slots as they come
free, and is over when it is done, cancelled, or past its deadline. Nothing here waits for a client.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from trivium.generate.engine import Completion, Engine, Event, Request
from trivium.ground.errors import TriviumError
from trivium.web.metrics import Metrics
from trivium.web.refusal import Refusal
from trivium.web.shelf import Offer, Shelf

LOG = logging.getLogger("trivium.web")
FAILURES = 3
"""How often the thread goes on after a failure that is no single engine's."""


@dataclass(frozen=True)
class Piece:
    """What one step added to one of a job's completions."""

    index: int
    """Which of the job's requests."""
    ids: list[int]
    logprobs: list[float]
    top: list[list[tuple[int, float]]]
    completion: Completion
    """All of it so far. The generation thread still writes to it, but for what is told of the prompt."""
    done: bool
    """Whether this is the last piece."""


@dataclass(eq=False)
class Job:
    """One HTTP request's work. `pieces` gets Pieces, and a Refusal where it fails."""

    offer: Offer
    requests: Sequence[Request]
    seconds: float
    """From now to its deadline."""
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    pieces: asyncio.Queue[Piece | Refusal] = field(default_factory=asyncio.Queue)
    born: float = field(default_factory=time.monotonic)
    last: dict[int, float] = field(default_factory=dict)
    """When each request's last piece came."""
    left: int = 0
    """Requests that are not done."""
    tickets: dict[int, int] = field(default_factory=dict)
    """Engine's ticket -> index of the request, of those with a slot."""
    over: bool = False


Posting = tuple[Job, Piece | Refusal]


class Worker:
    """The thread, its line of waiting requests, and its engines."""

    def __init__(self, shelf: Shelf, metrics: Metrics) -> None:
        self.shelf, self.metrics = shelf, metrics
        self.batch, self.capacity = shelf.config.batch, shelf.config.batch + shelf.config.queue
        self.draining = False
        self._commands: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._line: deque[tuple[Job, int]] = deque()
        self._jobs: set[Job] = set()
        self._held = 0
        self._lock = threading.Lock()
        self._seconds = 1.0
        self._ending = False
        self._failures = 0
        self._posted: list[Posting] = []
        self._thread = threading.Thread(target=self._run, name="generation", daemon=True)

    # What the event loop calls.

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def held(self) -> int:
        """Requests that are not over: in a slot or in the line."""
        return self._held

    @property
    def waiting(self) -> int:
        """Requests without a slot."""
        return len(self._line)

    @property
    def live(self) -> int:
        """Slots in use, over all engines."""
        return sum(engine.live for engine in self.shelf.loaded.values())

    def submit(self, job: Job) -> None:
        """Take a job into the line. Raises Refusal: 429 when the line is full, 503 when stopping or broken."""
        if self.draining:
            raise Refusal(503, "The server is stopping. Ask another one, or later.", None, "draining", _retry(10))
        if not self.alive:
            raise Refusal(503, "The generation thread has ended. Restart the server.", None, "unavailable")
        with self._lock:
            if self._held + len(job.requests) > self.capacity:
                wait = max(1, min(60, math.ceil(self._seconds * self._held / self.batch)))
                message = f"The line is full: {self._held} completions are under way or wait. Try again in {wait} s."
                raise Refusal(429, message, None, "queue_full", _retry(wait))
            self._held += len(job.requests)
        job.left = len(job.requests)
        self._commands.put(lambda: self._admit(job))

    def cancel(self, job: Job) -> None:
        """Let go of a job: its slots are free before the next token is computed."""
        self._commands.put(lambda: self._end(job))

    def abort(self, refusal: Refusal) -> None:
        """Fail every job that is not over."""
        self._commands.put(lambda: self._fail(list(self._jobs), refusal))

    def stop(self, seconds: float = 5.0) -> None:
        """End the thread, and wait for it so long."""
        self._commands.put(self._finish)
        self._thread.join(seconds)

    # What happens in the thread.

    def _run(self) -> None:
        try:
            while not self._ending:
                try:
                    self._round()
                except Exception:  # noqa: BLE001 - it is logged, and every client is told
                    self._recover()
        finally:
            gone = Refusal(503, "The generation thread has ended. Restart the server.", None, "unavailable")
            self._fail(list(self._jobs), gone)
            self._post()

    def _round(self) -> None:
        """Commands, deadlines, free slots, one step of every engine that has work, and the news of it."""
        self._obey()
        self._expire()
        self._seat()
        for name, engine in self.shelf.loaded.items():
            if engine.live or engine.waiting:
                self._step(name, engine)
        self._post()

    def _recover(self) -> None:
        """After a failure of our own: fail what there is, drop all engines, go on. The fourth time, give up."""
        LOG.exception("The generation thread failed.")
        self._failures += 1
        self._fail(list(self._jobs), Refusal(500, "Generation failed; the log has the reason.", None, "internal_error"))
        self._line.clear()
        for name in self.shelf.loaded:
            self.shelf.forget(name)
        self._post()
        if self._failures > FAILURES:
            raise RuntimeError("The generation thread fails again and again.")

    def _obey(self) -> None:
        """Carry out all commands; wait for one while there is nothing to do."""
        idle = not self._jobs
        while True:
            try:
                command = self._commands.get(block=idle)
            except Empty:
                return
            command()
            idle = False

    def _finish(self) -> None:
        self._ending = True

    def _admit(self, job: Job) -> None:
        self._jobs.add(job)
        self._line.extend((job, index) for index in range(len(job.requests)))

    def _expire(self) -> None:
        now = time.monotonic()
        late = [job for job in self._jobs if now - job.born > job.seconds]
        if late:
            message = "The request took longer than this server allows. Ask for fewer tokens, or when it is less busy."
            self._fail(late, Refusal(504, message, None, "deadline_exceeded"))

    def _seat(self) -> None:
        """Give free slots to the line, in order; a full model does not hold up the others."""
        full: set[str] = set()
        kept: deque[tuple[Job, int]] = deque()
        while self._line:
            job, index = self._line.popleft()
            if job.over:
                continue
            name = job.offer.name
            if name in full or not self.shelf.room_for(job.offer):
                kept.append((job, index))
                if name not in full:
                    break  # whoever waits for a model to be put away is not overtaken
                continue
            try:
                engine = self.shelf.engine(job.offer)
                if engine.live + engine.waiting >= self.batch:
                    full.add(name)
                    kept.append((job, index))
                    continue
                job.tickets[engine.add(job.requests[index])] = index
            except Refusal as refusal:
                self._fail([job], refusal)
            except TriviumError as error:
                self._fail([job], Refusal(400, f"{error.what} {error.mend}"))
        kept.extend(self._line)
        self._line = kept

    def _step(self, name: str, engine: Engine) -> None:
        owners = {ticket: job for job in self._jobs if job.offer.name == name for ticket in job.tickets}
        try:
            events = engine.step()
        except Exception:
            LOG.exception("The engine of %s failed.", name)
            self.shelf.forget(name)
            broken = Refusal(500, "Generation failed; the server's log has the reason.", None, "generation_failed")
            self._fail(list(set(owners.values())), broken)
            return
        now = time.monotonic()
        for event in events:
            if (job := owners.get(event.ticket)) is not None:
                self._take(job, event, now)

    def _take(self, job: Job, event: Event, now: float) -> None:
        index, completion = job.tickets[event.ticket], event.completion
        since = len(completion.ids) - event.new
        if event.new:
            first = index not in job.last
            self.metrics.add("trivium_completion_tokens_total", event.new)
            if first:
                self.metrics.observe("trivium_time_to_first_token_seconds", now - job.born)
            between = event.new - first
            if between:
                before = job.last.get(index, now)
                self.metrics.observe("trivium_time_between_tokens_seconds", (now - before) / event.new, between)
            job.last[index] = now
        piece = Piece(
            index, completion.ids[since:], completion.logprobs[since:], completion.top[since:],
            completion, event.done,
        )  # fmt: skip
        self._posted.append((job, piece))
        if event.done:
            del job.tickets[event.ticket]
            self._let_go(job, 1)
            if not job.left:
                self._seconds += 0.1 * (now - job.born - self._seconds)
                self._end(job)

    def _fail(self, jobs: Sequence[Job], refusal: Refusal) -> None:
        for job in jobs:
            if not job.over:
                self._posted.append((job, refusal))
                self._end(job)

    def _end(self, job: Job) -> None:
        """Free whatever a job still has."""
        if job.over:
            return
        job.over = True
        engine = self.shelf.loaded.get(job.offer.name)
        for ticket in job.tickets if engine is not None else ():
            assert engine is not None
            engine.cancel(ticket)
        job.tickets.clear()
        if any(owner is job for owner, _ in self._line):
            self._line = deque(item for item in self._line if item[0] is not job)
        self._jobs.discard(job)
        self._let_go(job, job.left)

    def _let_go(self, job: Job, count: int) -> None:
        job.left -= count
        with self._lock:
            self._held -= count

    def _post(self) -> None:
        """Hand all that this step brought to the event loops, one call each."""
        loops = {job.loop for job, _ in self._posted}
        for loop in loops:
            mine = [posting for posting in self._posted if posting[0].loop is loop]
            try:
                loop.call_soon_threadsafe(_hand_out, mine)
            except RuntimeError:
                LOG.warning("An event loop has gone with %d pieces undelivered.", len(mine))
        self._posted = []


def _hand_out(postings: list[Posting]) -> None:
    for job, posting in postings:
        job.pieces.put_nowait(posting)


def _retry(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}
