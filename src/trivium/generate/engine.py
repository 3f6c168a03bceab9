"""The engine: requests join and leave the batch at every step.

A step admits waiting requests into free slots, reads some of their prompts, and decodes one token for every slot whose
prompt has been read. What a prompt has in common with one that is in a slot already is copied, not read: the samples of
a group, a header of examples, a conversation that goes on.

On a CPU a step computes the slots in use and the positions in use, no more. On a GPU it is a graph, replayed; results
are read one step late, so that the device never waits for the host.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from trivium.generate.admission import Admission
from trivium.generate.request import Completion, Event, Request, ThinkBudget
from trivium.generate.row import Row
from trivium.generate.steps.decode import GREEDY, SAMPLED, STILL, State
from trivium.generate.steps.runner import Answer, Runner
from trivium.generate.steps.shaping import Shaping
from trivium.generate.steps.slots import power
from trivium.generate.steps.weights import Weights
from trivium.ground.config import check
from trivium.ground.progress import Progress
from trivium.model.transformer import Transformer
from trivium.text.tokenizer import Tokenizer

__all__ = ["Completion", "Engine", "Event", "Request", "ThinkBudget"]

SPARSE = 0.75
"""When no more of the computed slots than this are in use, those at the end move down."""


@dataclass
class _Roster:
    """Those who decode, as long as nobody comes, goes or moves."""

    rows: list[Row]
    slots: list[int]
    count: int
    """Slots that a step computes."""
    seen: int
    """More than any position of the next step; it grows with each."""
    left: int
    """Steps after which nobody wants another token."""
    alike: bool
    watched: bool
    shaped: bool
    kind: str


class Engine:
    """Samples from a model. The weights are cast when it is made: `refresh` it after an update, or make a new one."""

    def __init__(
        self,
        model: Transformer,
        batch: int = 256,
        *,
        tokenizer: Tokenizer | None = None,
        invariant: bool = False,
        slots_tokens: int | None = None,
        int8: bool = False,
    ) -> None:
        """`batch` is the number of slots. With `slots_tokens` a slot has that many tokens, else as many as are needed.

        An `invariant` engine computes all slots at full length in every step: a request's text is the same to the bit
        whatever else it serves. `slots_tokens` is then the model's longest row unless it is given. With `int8` a CPU
        reads matrices as int8: faster for a few rows, and not to the digit what the model says.
        """
        check(batch > 0, "batch", batch, "The engine needs at least one slot.")
        self.batch, self.invariant, self.tokenizer = batch, invariant, tokenizer
        self.weights = Weights(model, int8)
        self.model = self.weights.model
        self.limit = slots_tokens or (model.config.max_position_embeddings if invariant else None)
        rows = power(batch) if invariant else 1
        self.admission = Admission(self.weights, rows, self.limit or 64, invariant)
        self.runner = Runner(self.weights, self.admission.slots, State(power(batch), self.weights.device))
        self._queue: deque[Row] = deque()
        self._rows: dict[int, Row] = {}
        self._tickets = 0
        self._pending: tuple[list[Row], list[int], Answer] | None = None
        self._roster: _Roster | None = None
        self._shaping: Shaping | None = None
        self._holes = False
        self.used = self.offered = 0
        """Tokens that were wanted of those that steps computed, since the engine was made."""

    @property
    def live(self) -> int:
        """Requests in slots."""
        return self.admission.count

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return len(self._queue)

    def refresh(self, model: Transformer) -> None:
        """Take over the weights of `model` as they are now; what slots hold is forgotten."""
        check(not self.live, "live", self.live, "Weights change between requests, not under them.")
        self._drain()
        self.weights.refresh(model)
        self.admission.held.forget()

    @torch.no_grad()
    def run(self, requests: Sequence[Request], bar: Progress | None = None) -> list[Completion]:
        """One completion for each request, in order. `bar` is advanced by a completion at a time.

        What earlier requests left in the slots is not used: the same requests give the same bits.
        """
        check(not self.live and not self._queue, "live", self.live, "`run` and `add` cannot be mixed.")
        for request in requests:
            self._check(request)
        self.admission.held.forget()
        longest = max((len(request.ids) + request.max_new for request in requests), default=0)
        if requests:
            self.admission.grow(min(self.batch, len(requests)), longest)
        rows = [self._enlist(request) for request in requests]
        order = sorted(range(len(rows)), key=lambda i: (len(rows[i].prompt), rows[i].prompt.tobytes(), i))
        self._queue = deque(rows[i] for i in order)
        try:
            self._follow(bar)
        finally:
            for row in rows:
                self.cancel(row.ticket)
        return [row.completion for row in rows]

    def _follow(self, bar: Progress | None) -> None:
        """Step until nothing is left."""
        while self._queue or self.live:
            done = sum(row.done for row in self._step())
            if bar is not None and done:
                bar.advance(done)
        self._drain()

    def add(self, request: Request) -> int:
        """A ticket for the request; it waits until a slot is free. Raises UsageError for one that makes no sense."""
        self._check(request)
        row = self._enlist(request)
        self._queue.append(row)
        return row.ticket

    @torch.no_grad()
    def step(self) -> list[Event]:
        """One step for all slots: prompts are read, a token decoded for each. What is new.

        That is nothing when the engine is idle (nothing `live`, nothing `waiting`), and while only prompts were read.
        """
        events = []
        for row in self._step():
            count = len(row.completion.ids)
            events.append(Event(row.ticket, row.completion, count - row.told, row.done))
            row.told = count
            if row.done:
                self._rows.pop(row.ticket, None)
        return events

    def cancel(self, ticket: int) -> None:
        """Give its slot back before the next step; its completion ends as "cancelled", without an event."""
        row = self._rows.pop(ticket, None)
        if row is None or row.done:
            return
        row.completion.finish, row.done = "cancelled", True
        if row.slot < 0:
            self._queue.remove(row)
        else:
            self._free([row])

    def _check(self, request: Request) -> None:
        request.check(self.weights.config.vocab_size, self.tokenizer is not None)
        need = len(request.ids) + request.max_new
        fits = self.limit is None or need <= self.limit
        check(fits, "len(ids) + max_new", need, f"A slot of this engine has {self.limit} tokens.")

    def _enlist(self, request: Request) -> Row:
        self._tickets += 1
        row = Row(self._tickets, request)
        row.watch(self.tokenizer)
        self._rows[row.ticket] = row
        return row

    def _step(self) -> list[Row]:
        """The rows of which there is news."""
        told: list[Row] = self._admit()
        self.admission.read()
        told += self._settle()
        roster = self._roster = self._roster or self._enrolled()
        if roster.watched or roster.left <= 0:
            told += self._drain()
            roster = self._roster = self._roster or self._enrolled()
        if not roster.rows:
            return told
        before, self._pending = self._pending, (roster.rows, roster.slots, self._launch(roster))
        if roster.watched or not self.runner.ahead:
            return told + self._drain()
        return told + (self._take(*before) if before is not None else [])

    def _admit(self) -> list[Row]:
        """Give free slots to those that wait; those that need none, since nothing is wanted of them."""
        done = []
        while self._queue:
            row = self._queue[0]
            if row.request.max_new == 0 and not row.request.prompt_logprobs:
                row.done = True
                done.append(self._queue.popleft())
            elif self.admission.admit(row, self.batch):
                self._queue.popleft()
            else:
                break
        return done

    def _free(self, rows: Sequence[Row]) -> None:
        """Take rows out of their slots."""
        slots = [row.slot for row in rows if row.slot >= 0]
        if slots:
            self.admission.free(rows)
            self.runner.state.put(slots, [STILL] * len(slots))
            self._holes = True
            self._stale()

    def _stale(self) -> None:
        """Somebody came, went or moved."""
        self._roster = self._shaping = None

    def _settle(self) -> list[Row]:
        """Tell the device of rows that have come, and move the last slots into holes when there are many.

        Gives the rows that ended with their prompt: nothing more was wanted of them.
        """
        state, admission = self.runner.state, self.admission
        come, admission.arrived = admission.arrived, []
        ended = [row for row in come if row.done]
        self._free(ended)
        come = [row for row in come if not row.done]
        if come:
            state.put([row.slot for row in come], [row.standing for row in come])
            self._stale()
        if self._holes and not self._queue and not self.invariant:
            self._holes, bucket = False, self.runner.bucket
            if bucket(self.live) <= SPARSE * bucket(admission.top):
                state.move(*admission.gather())
                self._stale()
        return ended

    def _enrolled(self) -> _Roster:
        """Who decodes now."""
        rows = [row for row in self.admission.rows if row is not None and row.ready]
        positions = [row.position for row in rows]
        seen, count = max(positions, default=0) + 1, self.admission.top
        alike = len(rows) == count and min(positions, default=0) == seen - 1 and not self.invariant
        return _Roster(
            rows,
            [row.slot for row in rows],
            self.admission.slots.rows if self.invariant else self.runner.bucket(count),
            seen,
            max((row.most - row.launched for row in rows), default=0),
            alike and self.runner.bucket(count) == count,
            any(row.watched for row in rows),
            any(row.shaped for row in rows),
            SAMPLED if any(row.request.temperature > 0 for row in rows) else GREEDY,
        )

    def _launch(self, roster: _Roster) -> Answer:
        """Begin a step."""
        seen = self.admission.slots.tokens - 1 if self.invariant else roster.seen
        for row in roster.rows:
            row.launched += 1
        roster.seen += 1
        roster.left -= 1
        self.used += len(roster.rows)
        self.offered += roster.count
        if roster.shaped:
            return self.runner.shaped(roster.count, seen, self._shaped(roster.count))
        return self.runner.run(roster.count, seen, roster.alike, roster.kind)

    def _shaped(self, count: int) -> Shaping:
        """The wishes of all rows, made anew when rows have changed."""
        if self._shaping is None:
            rows = [*self.admission.rows, *[None] * count][:count]
            known = [None if row is None else (row.request, [*row.prompt, *row.completion.ids]) for row in rows]
            self._shaping = Shaping(known, self.weights.config.vocab_size, self.weights.device)
        return self._shaping

    def _drain(self) -> list[Row]:
        """Wait for the step that is on its way, and take its tokens."""
        before, self._pending = self._pending, None
        return [] if before is None else self._take(*before)

    def _take(self, rows: list[Row], slots: list[int], answer: Answer) -> list[Row]:
        """Give each row its token. Rows that ended while the step was on its way get none."""
        ids, logprobs, top = answer.wait()
        told, forced = [], []
        for row, slot in zip(rows, slots, strict=True):
            if row.done:
                continue
            if row.take(ids[slot], logprobs[slot]):
                forced.append(row)
            if row.request.top_logprobs:
                row.completion.top.append(top[slot][: row.request.top_logprobs])
            told.append(row)
        self._free([row for row in told if row.done])
        put_in = [row for row in forced if not row.done]
        if put_in:
            self.runner.state.put([row.slot for row in put_in], [row.standing for row in put_in])
            self._shaping = None
        return told
