"""Saving while training goes on: the state is copied to host memory, and a thread writes, hashes and seals it.

Never two at a time. A save that failed is an error at the next step boundary, on all ranks at the same one. Where
ranks share the tensors, each writes its rows into one folder; that all have written is told by the numbers that a step
adds up anyway (`signals`), and then rank 0 seals. Killed at any moment, the newest sealed checkpoint is whole.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trivium.ground.artifact import Label, sealing, unsealed
from trivium.ground.atomic import read_json, write_json
from trivium.ground.errors import TriviumError
from trivium.model.optim import Optimizer
from trivium.train.checkpoint import Snapshot, held, mark, place, prune, write_state

LOOK_SECONDS = 0.02


class Saver:
    """Writes the checkpoints of one run. With a group, all ranks call the same methods at the same boundaries."""

    def __init__(self, work: Path, label: Label, group: Any = None, shared: bool = False) -> None:
        self.work, self.label, self.group, self.shared = work, label, group, shared
        self._first = group is None or group.first
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._written = threading.Event()
        """This rank's files are there (or have failed)."""
        self._all_written = threading.Event()
        self._abandoned = threading.Event()
        self._pinned: dict[str, Tensor] = {}

    @property
    def busy(self) -> bool:
        """Whether a save is under way."""
        return self._thread is not None

    def begin(self, step: int, module: nn.Module, optimizer: Optimizer, state: dict[str, Any]) -> None:
        """Copy the state and start to write it."""
        self._written.clear()
        self._all_written.clear()
        if self._first or self.shared:
            weights, rest, rows = held(module, optimizer)
            copies = self._copy({("w", n): t for n, t in weights.items()} | {("o", n): t for n, t in rest.items()})
            snapshot = Snapshot(
                step,
                {name: copies["w", name] for name in weights},
                {name: copies["o", name] for name in rest},
                rows,
                {"run": self.label.id, "updates": optimizer.steps, **state},
            )
            self._thread = threading.Thread(target=self._work, args=(snapshot,), name="saver", daemon=True)
            self._thread.start()

    @torch.no_grad()
    def _copy(self, tensors: dict[Any, Tensor]) -> dict[Any, Tensor]:
        """Copies in host memory; of a GPU's tensors in pinned memory, which is kept, since it takes long to make."""
        if not any(tensor.is_cuda for tensor in tensors.values()):
            return {name: tensor.clone() for name, tensor in tensors.items()}
        for name, tensor in tensors.items():
            if name not in self._pinned:
                self._pinned[name] = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            self._pinned[name].copy_(tensor, non_blocking=True)
        torch.cuda.current_stream().synchronize()
        return self._pinned

    def _work(self, snapshot: Snapshot) -> None:
        try:
            if self._first:
                self._write_and_seal(snapshot)
            else:
                self._write_share(snapshot)
        except BaseException as error:  # noqa: BLE001  (raised again where the run sees it)
            self._error = error
        finally:
            self._written.set()

    def _write_and_seal(self, snapshot: Snapshot) -> None:
        known: dict[str, str] = {}
        out = place(self.work, snapshot.step)
        with sealing(out, mark(self.label, snapshot.step), known=known) as folder:
            known |= snapshot.write(folder, self._ending())
            write_state(folder, snapshot)
            if self.shared:
                self._written.set()
                while not self._all_written.wait(LOOK_SECONDS):
                    if self._abandoned.is_set():
                        raise TriviumError("A save was given up, since another rank's part of it failed.")
                for path in sorted(folder.glob("hashes-*.json")):
                    known |= read_json(path)
                    path.unlink()
        prune(self.work)

    def _write_share(self, snapshot: Snapshot) -> None:
        folder = unsealed(place(self.work, snapshot.step), self.group.mark)
        until = time.monotonic() + self.group.patience
        while not folder.is_dir():
            if self._abandoned.wait(LOOK_SECONDS) or time.monotonic() > until:
                raise TriviumError(f"Rank 0 has not made {folder}.", "All ranks must see the same folder.")
        write_json(folder / f"hashes-{self.group.rank:05d}.json", snapshot.write(folder, self._ending()))

    def _ending(self) -> str:
        return f"-{self.group.rank:05d}-of-{self.group.size:05d}" if self.shared else ""

    def signals(self) -> tuple[float, float]:
        """What this rank tells the others at a step: whether its save has failed, and whether it has written."""
        done = self.busy and self._written.is_set()
        return float(done and self._error is not None), float(done and self._error is None)

    def heard(self, failed: float, written: float) -> None:
        """What all told, added up; raises the failure of a save, on every rank."""
        if failed:
            self.give_up()
            raise self._failure()
        if self.shared and self.group is not None and written == self.group.size:
            self._all_written.set()
            if not self._first:
                self._finish()
        # Another rank's thread ends with its own rows: until all have written it must go on to say that it has.
        if self._first and self._thread is not None and not self._thread.is_alive():
            self._finish()

    def settle(self) -> None:
        """Wait until a save under way is sealed; raises what went wrong with it, on every rank."""
        if self.group is None:
            self._finish()
            return
        failed, written, pending = 0.0, 0.0, 1.0
        while pending and not failed:  # asked again and again, so that nobody waits for one that has failed
            mine = self.waiting(LOOK_SECONDS)
            told = torch.tensor([*self.signals(), float(mine)], device=self.group.device)
            failed, written, pending = self.group.numbers(self.group.sum(told))
        self.heard(failed, written)
        with self.group.turn() as (first, _):
            if first:
                self._finish()

    def waiting(self, seconds: float) -> bool:
        """Whether this rank is still writing after so many seconds."""
        return self.busy and not self._written.wait(seconds)

    def give_up(self) -> None:
        """End the save under way, whatever comes of it: a run that fails for another reason."""
        if self.shared:
            self._abandoned.set()
        self._join()

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _finish(self) -> None:
        self._join()
        self._thread = None
        if self._error is not None:
            raise self._failure()

    def _failure(self) -> BaseException:
        error, self._error, self._thread = self._error, None, None
        return error or TriviumError("Another rank could not save.", "It says why; the checkpoint before is whole.")
