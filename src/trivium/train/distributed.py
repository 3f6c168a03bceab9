"""The processes of one run, started by torchrun: joining, few words between them, and an end without hanging.

Two ways to talk. Collectives (nccl on GPUs, gloo on CPUs) carry gradients; a rank that waits in one for longer than
`how.patience` gives up. The store carries short texts; who waits there waits as long as rank 0 is at work, so that it
may evaluate for an hour while the others do nothing.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from trivium.ground.alive import mark
from trivium.ground.errors import RankLost
from trivium.ground.how import How
from trivium.ground.signals import StopFlag
from trivium.model.device import pick_device

LOOK_SECONDS = 0.02
GRACE_SECONDS = 15.0
"""How long a rank that was asked to stop still waits for the others: launchers kill after 30."""
MEND = "The same command continues from the newest checkpoint."


def join(how: How) -> How:
    """How to run, joined with the other ranks; as it was where this is the only process. Raises RankLost."""
    if how.place.ranks == 1 or how.group is not None:
        return how
    return dataclasses.replace(how, group=Group(how))


class Group:
    """What the ranks of a run say to each other. All of them must call the same things in the same order."""

    def __init__(self, how: How) -> None:
        self.rank, self.size, self.patience = how.place.rank, how.place.ranks, how.patience
        self.device = pick_device(how)
        self._stop: StopFlag = how.stop
        self._turns = 0
        gpu = self.device.type == "cuda"
        if gpu:
            torch.cuda.set_device(self.device)
        # Where nccl gives up it ends the process with a page of text: we give up first, in a sentence.
        wait = timedelta(seconds=self.patience + (60 if gpu else 0))
        try:
            self._store, _, _ = next(rendezvous("env://", self.rank, self.size, timeout=wait))
            dist.init_process_group(
                "nccl" if gpu else "gloo", store=self._store, rank=self.rank, world_size=self.size, timeout=wait
            )
        except (RuntimeError, ValueError) as error:
            raise RankLost(f"Rank {self.rank} of {self.size} found no others ({error}).", MEND) from error
        if not gpu:
            atexit.register(_end)  # threads of gloo that still run when the interpreter goes would abort the process
        self.mark = self.from_first(mark)
        """Names rank 0's process: who writes what is about to be sealed."""

    @property
    def first(self) -> bool:
        """Whether this is the rank that writes, prints and seals."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """The tensor, summed over the ranks in place. On a GPU nothing is waited for."""
        dist.all_reduce(tensor)
        return tensor

    def numbers(self, tensor: Tensor) -> list[float]:
        """A tensor's values: the one wait of a step. Raises RankLost when they do not come in time."""
        if tensor.device.type != "cuda":
            return tensor.tolist()
        host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        host.copy_(tensor, non_blocking=True)
        done = torch.cuda.Event()
        done.record()
        asked, begun = 0.0, time.monotonic()
        while not done.query():
            time.sleep(0.0002)
            now = time.monotonic()
            asked = asked or (now if self._stop.requested else 0.0)
            if now - begun > self.patience or (asked and now - asked > GRACE_SECONDS):
                raise self.lost(f"no answer for {now - begun:.0f} s")
        return host.tolist()

    def least(self, number: int) -> int:
        """The smallest of the ranks' numbers."""
        value = torch.tensor(number, device=self.device)
        dist.all_reduce(value, dist.ReduceOp.MIN)
        return int(value)

    def from_first(self, make: Callable[[], str]) -> str:
        """What `make` gives on rank 0, on all ranks. Raises there what it raises, and RankLost elsewhere."""
        with self.turn() as (mine, answer):
            if mine:
                answer.append(make())
        return answer[0]

    def everybody(self, text: str) -> list[str]:
        """The texts of all ranks, in their order, on all of them. For much text: it goes by collectives."""
        data = torch.frombuffer(bytearray(text.encode()) or bytearray(1), dtype=torch.uint8).to(self.device)
        sizes = torch.zeros(self.size, dtype=torch.int64, device=self.device)
        sizes[self.rank] = len(text.encode())
        counts = [int(size) for size in self.numbers(self.sum(sizes))]
        longest = max(1, *counts)
        padded = torch.cat([data[: counts[self.rank]], data.new_zeros(longest - counts[self.rank])])
        found = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(found, padded)
        return [bytes(part[:count].cpu().numpy().tobytes()).decode() for part, count in zip(found, counts, strict=True)]

    @contextlib.contextmanager
    def turn(self) -> Iterator[tuple[bool, list[str]]]:
        """A block that rank 0 works in (True) while the others wait at its end, however long that takes.

        The text that rank 0 puts into the list is in everybody's afterwards.
        """
        self._turns += 1
        key, answer = f"turn/{self._turns}", list[str]()
        if not self.first:
            yield False, answer
            answer.append(self._heard(key))
            return
        try:
            yield True, answer
        except BaseException:
            with contextlib.suppress(RuntimeError):
                self._store.set(key, "!")
            raise
        self._store.set(key, "=" + "".join(answer))

    def _heard(self, key: str) -> str:
        asked = 0.0
        try:
            while not self._store.check([key]):
                if self._store.check(["failed"]):
                    raise self.lost("one of them has failed")
                time.sleep(LOOK_SECONDS)
                asked = asked or (time.monotonic() if self._stop.requested else 0.0)
                if asked and time.monotonic() - asked > self.patience:
                    raise self.lost("rank 0 said nothing")
            said = self._store.get(key).decode()
        except RuntimeError as error:
            raise self.lost("rank 0 has gone") from error
        if not said.startswith("="):
            raise self.lost("rank 0 has failed")
        return said[1:]

    def lost(self, why: str) -> RankLost:
        """The error of a rank without the others. After it the process ends without taking leave, which would hang."""
        if self.device.type == "cuda":
            atexit.register(os._exit, RankLost.exit_code)
        return RankLost(f"Rank {self.rank} of {self.size} has lost the others: {why}.", MEND)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Turn a collective that failed because another rank has gone into RankLost."""
        try:
            yield
        except RuntimeError as error:
            if not _of_collective(error):
                raise
            raise self.lost(str(error).strip().partition("\n")[0] or type(error).__name__) from error

    def fail(self) -> None:
        """Tell the others that this rank ends with an error of its own, so that nobody waits for it."""
        with contextlib.suppress(RuntimeError):
            self._store.set("failed", "")
        if self.device.type == "cuda":
            atexit.register(os._exit, 1)

    def leave(self) -> None:
        """End the group, once all ranks have come here; rank 0 goes last, since the others may hear through it."""
        self._store.add("left", 1)
        until = time.monotonic() + GRACE_SECONDS
        with contextlib.suppress(RuntimeError):
            while self.first and self._store.add("left", 0) < self.size and time.monotonic() < until:
                time.sleep(LOOK_SECONDS)
            dist.destroy_process_group()


def _end() -> None:
    """End the group of a process that ends without taking leave."""
    if dist.is_initialized():
        with contextlib.suppress(RuntimeError):
            dist.destroy_process_group()


def _of_collective(error: RuntimeError) -> bool:
    """Whether an error comes from talking to other ranks. gloo has no class for its own: where it was raised tells."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = "" if last is None else last.tb_frame.f_globals.get("__name__", "")
    return isinstance(error, dist.DistError) or where.startswith("torch.distributed") or "gloo" in str(error).lower()
