"""Who gets which slot, what of a prompt need not be read again, and the reading of the rest."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence

import numpy as np

from trivium.generate import prefill
from trivium.generate.prefill import CHUNK, Piece
from trivium.generate.row import Row
from trivium.generate.steps.slots import Held, Slots
from trivium.generate.steps.weights import Weights

ALONE = {"cpu": 2048, "cuda": 16384}
BESIDE = {"cpu": 256, "cuda": 4096}
"""Tokens that are read in a step: when nothing is decoded meanwhile, and when others wait for their next token."""


class Admission:
    """The slots and who is in them."""

    def __init__(self, weights: Weights, rows: int, tokens: int, invariant: bool) -> None:
        self.weights, self.invariant = weights, invariant
        self.slots = Slots(weights.config, rows, tokens, weights.dtype, weights.device)
        self.held = Held()
        self.held.grow(rows, tokens)
        self.rows: list[Row | None] = [None] * rows
        self._vacant = np.ones(rows, bool)
        """Slots with nobody in them: `rows` as an array, since it is asked for every request."""
        self._last: Row | None = None
        """Who came last: the samples of a group come one after the other."""
        self.count = 0
        """Slots in use."""
        self.arrived: list[Row] = []
        """Those whose prompts have been read since the last step; done, where nothing more is wanted of them."""
        self._reading: list[Row] = []
        self.read_tokens = 0
        """Tokens of prompts that went through the model, since it was made."""

    @property
    def top(self) -> int:
        """One more than the last slot in use."""
        return max((slot + 1 for slot, row in enumerate(self.rows) if row is not None), default=0)

    def grow(self, rows: int, tokens: int) -> None:
        """Make room for so many slots and tokens in a slot."""
        if not self.invariant and self.slots.grow(rows, tokens):
            self.held.grow(self.slots.rows, self.slots.tokens)
            more = self.slots.rows - len(self.rows)
            self.rows += [None] * more
            self._vacant = np.append(self._vacant, np.ones(more, bool))

    def admit(self, row: Row, most: int) -> bool:
        """Give the row a slot, if one of `most` is free, and what another slot has of its prompt."""
        slot = self._first(most)
        if slot < 0 and len(self.rows) >= most:
            return False
        self.grow(len(self.rows) + (slot < 0), len(row.prompt) + row.request.max_new)
        slot = self._first(most) if slot < 0 else slot
        ids = row.prompt[:-1]
        source, common = self._alike(row, ids)
        if source >= 0:
            slot = self._give(source, slot, row, common)
        self.held.set(slot, ids)
        self._sit(row, slot)
        self._last = row
        self.count += 1
        self._reading.append(row)
        self._arrive([row])
        return True

    def _first(self, most: int) -> int:
        """The first of `most` slots with nobody in it, or -1."""
        vacant = self._vacant[:most]
        slot = int(vacant.argmax())
        return slot if vacant[slot] else -1

    def _sit(self, row: Row, slot: int) -> None:
        self.rows[slot], row.slot = row, slot
        self._vacant[slot] = False

    def _leave(self, slot: int) -> None:
        self.rows[slot] = None
        self._vacant[slot] = True

    def _alike(self, row: Row, ids: np.ndarray) -> tuple[int, int]:
        """The slot that has, or will have, most of the beginning of `ids`, and how many of them; -1 where none has."""
        if row.request.prompt_logprobs:
            return -1, 0
        if (same := self._same(row)) is not None:
            return same.slot, len(ids)
        common = self.held.alike(ids)
        if self.invariant:
            common = np.where(common == len(ids), common, common - common % CHUNK)
        slot = int(common.argmax())
        return (slot, int(common[slot])) if common[slot] else (-1, 0)

    def _same(self, row: Row) -> Row | None:
        """Who came just before with the very prompt that the row has, or whom that one waits for to have it all."""
        last = self._last
        if last is None or last.slot < 0 or not np.array_equal(last.prompt, row.prompt):
            return None
        return last.source if last.source is not None and last.common == last.last else last

    def _give(self, source: int, slot: int, row: Row, common: int) -> int:
        """Let the row have what `source` has; the slot it stands in then. A free source is taken itself."""
        other = self.rows[source]
        if other is None:
            row.count = common
            if source > slot:
                self.slots.copy(source, [slot], common)
            return min(source, slot)
        if common <= other.count or other.ready:
            self.slots.copy(source, [slot], common)
            row.count = common
        else:
            row.source, row.common = other, common
        return slot

    def read(self) -> None:
        """Read some of what is to be read."""
        if not self._reading:
            return
        busy = any(row.launched for row in self.rows if row is not None)
        budget = (BESIDE if busy else ALONE).get(self.weights.device.type, ALONE["cpu"])
        pieces, moved = [], []
        left = budget
        for row in sorted(self._reading, key=lambda row: row.slot):
            if row.source is not None:
                continue
            size = min(len(row.prompt) - 1 - row.count, CHUNK if self.invariant else left)
            if left > 0:
                pieces.append(Piece(row.slot, row.prompt[row.count : row.count + size], row.count))
                moved.append(row)
                left -= size
        told = [piece for piece in pieces if self._row(piece).request.prompt_logprobs]
        for piece in told:
            self._tell(piece)
        together = [piece for piece in pieces if not self._row(piece).request.prompt_logprobs]
        for batch in [[p] for p in together] if self.invariant else prefill.batches(together, budget):
            fixed = (CHUNK, self.slots.tokens) if self.invariant else (0, 0)
            prefill.read(self.weights, self.slots, batch, *fixed)
        for row, piece in zip(moved, pieces, strict=True):
            row.count += len(piece.ids)
            self.read_tokens += len(piece.ids)
        self._hand_on(moved)

    def _row(self, piece: Piece) -> Row:
        row = self.rows[piece.slot]
        assert row is not None
        return row

    def _tell(self, piece: Piece) -> None:
        """Read a piece whose own log-probabilities are asked for."""
        row = self._row(piece)
        fixed = (CHUNK, self.slots.tokens) if self.invariant else (0, 0)
        hidden_PTD = prefill.read(self.weights, self.slots, [piece], *fixed)
        count = len(piece.ids)
        after = row.prompt[piece.start + 1 : piece.start + 1 + count]
        found, top = prefill.told(self.weights, hidden_PTD[0, :count], after, row.request.top_logprobs)
        row.completion.prompt_logprobs += found
        row.completion.prompt_top += top

    def _hand_on(self, moved: Sequence[Row]) -> None:
        """Copies for those that waited for what was read now, and for those that wait for them."""
        waiting: dict[int, list[Row]] = defaultdict(list)
        for row in self._reading:
            if row.source is not None:
                waiting[row.source.ticket].append(row)
        givers = deque(moved)
        while givers:
            source = givers.popleft()
            given = [row for row in waiting[source.ticket] if row.common <= source.count]
            for count in {row.common for row in given}:
                self.slots.copy(source.slot, [row.slot for row in given if row.common == count], count)
            for row in given:
                row.count, row.source = row.common, None
            givers += given
        self._arrive(self._reading)

    def _arrive(self, rows: Sequence[Row]) -> None:
        """Those of the rows whose prompts are read begin to decode, or end where nothing more is wanted."""
        come = [row for row in rows if row.ready]
        if come:
            self._reading = [row for row in self._reading if not row.ready]
        for row in come:
            row.done = row.most == 0
        self.arrived += come

    def free(self, rows: Sequence[Row]) -> None:
        """The rows leave. What their slots hold stays known until another takes them."""
        for row in rows:
            if row.slot < 0:
                continue
            if row.ready:
                said = [*row.prompt, *row.completion.ids][:-1]
                self.held.set(row.slot, row.prompt[:-1] if self.invariant else np.asarray(said, np.int32))
            else:
                self.held.set(row.slot, row.prompt[: row.count])
                self._reading.remove(row)
                for other in self._reading:
                    if other.source is row:
                        other.source = None
            self._leave(row.slot)
            row.slot = -1
            self.count -= 1

    def gather(self) -> tuple[list[int], list[int]]:
        """Move the rows in the last slots into the holes before them; from where, and to where."""
        rows = [row for row in self.rows if row is not None]
        holes = [slot for slot, row in enumerate(self.rows[: len(rows)]) if row is None]
        last = [row for row in rows if row.slot >= len(rows)]
        sources = [row.slot for row in last]
        longest = max((max(row.count, row.position) for row in last), default=0)
        if last:
            self.slots.move(sources, holes, longest)
        for row, slot in zip(last, holes, strict=True):
            self.held.move(row.slot, slot)
            self._leave(row.slot)
            self._sit(row, slot)
        return sources, holes
