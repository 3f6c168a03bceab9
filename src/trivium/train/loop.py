"""The loop: batch, loss, guard, update, log, save; evaluation comes in as a callback.

Resume equals uninterrupted, bit for bit, on the same machine, thread count, torch and dtype: a batch is a function of
its number (and in RL of the weights), and the checkpoint holds all else. SIGTERM saves at the next step boundary and
raises Stopped (exit 4); running the same command again continues.

Several ranks (`train.distributed`) take their rows of the same batch. What they must decide together (the guard, a
stop, a save) they decide from the numbers that one sum a step gives all of them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trivium.ground.artifact import Label
from trivium.ground.how import How
from trivium.ground.log import JsonLog
from trivium.ground.progress import Progress
from trivium.model.config import OptimizerConfig
from trivium.model.device import strictly
from trivium.model.loss import weighted_loss
from trivium.model.optim import Optimizer
from trivium.model.spread import local
from trivium.model.transformer import Transformer
from trivium.train import checkpoint
from trivium.train.batch import Batch, Source
from trivium.train.crew import Alone, crew_of
from trivium.train.fit import hasten, microbatch_rows
from trivium.train.guard import Guard
from trivium.train.saver import Saver
from trivium.train.schedule import ScheduleConfig

Objective = Callable[[Any, Batch], Tensor]
Callback = Callable[[int], Mapping[str, Any] | None]
"""Called after steps with the number of steps done; returns figures for the metrics. `{"stop": True}` ends the run."""


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How long and how fast to learn."""

    steps: int
    """Optimizer updates."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    microbatch_tokens: int = 8192
    """Most tokens in one forward pass on a CPU; a batch of more is accumulated. Changes memory, and the last bits."""
    max_grad_norm: float = 0.0
    """Scale gradients down to this norm; 0 leaves them."""


def language_loss(model: Transformer, batch: Batch) -> Tensor:
    """The weighted sum of the targets' cross-entropies (nats), a scalar."""
    hidden_BTD = model(batch.ids_BT, documents_BT=batch.documents_BT, spans=batch.spans)
    width = hidden_BTD.shape[-1]
    return weighted_loss(
        hidden_BTD.reshape(-1, width), model.lm_head.weight, batch.targets_BT.reshape(-1), batch.weights_BT.reshape(-1)
    )


class Loop:
    """One training run of `module`. `work` holds its checkpoints and metrics until the stage is sealed."""

    def __init__(
        self,
        module: nn.Module,
        source: Source,
        config: LoopConfig,
        label: Label,
        work: Path,
        how: How,
        objective: Objective = language_loss,
        spikes: bool = True,
    ) -> None:
        self.module, self.source, self.config = module, source, config
        self.label, self.work, self.how, self.objective = label, work, how, objective
        self.crew: Alone = crew_of(module, how)
        self.optimizer = Optimizer(module, config.optimizer, self.crew.spread)
        self.guard = Guard(spikes)
        self.device = next(module.parameters()).device
        self.float8 = module.float8 if isinstance(module, Transformer) else None
        self.first = how.place.rank == 0
        self._saver = Saver(work, label, how.group, self.crew.shared)
        self._saved_at = time.monotonic()
        self._told = (0.0, 0.0, 0.0, 0.0)
        """Stop, save, failed, written: the ranks' words at the last step, added up."""
        self._stood_still = 0.0
        """Seconds that the last save took from training, for the next line of the metrics."""
        self._ahead: Batch | None = None
        self._microbatch = 0
        self._room: dict[int, int] = {}
        """Where batches are not alike: by tokens in a row, how many rows were found to fit on a GPU."""
        self._compiled = False

    @property
    def metrics_path(self) -> Path:
        """Where the metrics of each step are."""
        return self.work / "metrics.jsonl"

    def run(self, name: str, callback: Callback | None = None, unit: str = "tokens") -> int:
        """Train to the end, from the newest checkpoint if there is one; the number of steps done.

        Raises Stopped after saving when asked to stop, and GuardTripped before a broken update.
        """
        step = self._resume()
        self._compiled = hasten(self.module, self.how)
        self._saved_at = time.monotonic()
        with (
            self._log(step) as log,
            Progress(name, self.config.steps, "steps", self.how, done=step) as bar,
            self._together(),
        ):
            while step < self.config.steps:
                record = self._step(step)
                step += 1
                figures = dict(callback(step) or {}) if callback else {}
                stop = bool(figures.pop("stop", False))
                if self._stood_still:
                    figures["save_seconds"], self._stood_still = round(self._stood_still, 6), 0.0
                if log is not None:
                    log.write({"step": step, **record, **figures})
                bar.advance(1, f"loss {record['loss']:.3f} · {record['tokens'] / record['seconds']:,.0f} {unit}/s")
                if stop:
                    break
                due, stopping = self._wishes()
                self._saver.heard(*self._told[2:])
                if due or stopping:
                    self._save(step)
                if stopping:
                    self._saver.settle()
                    self.how.stop.check(f"after step {step} of {self.config.steps} ({name})")
            self._saver.settle()
        return step

    def _log(self, step: int) -> contextlib.AbstractContextManager[JsonLog | None]:
        """The metrics, from this step on; rank 0's alone."""
        if not self.first:
            return contextlib.nullcontext()
        return JsonLog(self.metrics_path, keep=lambda record: record["step"] <= step)

    @contextlib.contextmanager
    def _together(self) -> Iterator[None]:
        """Errors of collectives in plain words, and no save under way left behind."""
        try:
            with contextlib.nullcontext() if self.how.group is None else self.how.group.watching():
                yield
        finally:
            self._saver.give_up()

    def _wishes(self) -> tuple[bool, bool]:
        """Whether to save now, and whether to stop: of several ranks all say the same, agreed at the step's sum."""
        if self.how.group is None:
            late = time.monotonic() - self._saved_at > self.how.checkpoint_seconds
            self._told = (0.0, 0.0, *self._saver.signals())
            return late and not self._saver.busy, self.how.stop.requested
        stop, due, _, _ = self._told
        if stop and not self.how.stop.requested:
            self.how.stop.request("a signal to another rank")
        return bool(due), bool(stop)

    def _signals(self) -> tuple[float, float, float, float]:
        """What this rank tells the others: stop, save (rank 0 has the clock), and how its save goes."""
        late = self.first and time.monotonic() - self._saved_at > self.how.checkpoint_seconds
        due = late and not self._saver.busy
        return (float(self.how.stop.requested), float(due), *self._saver.signals())

    def _step(self, step: int) -> dict[str, Any]:
        started = time.perf_counter()
        batch = self._ahead if self._ahead is not None else self.source.batch(step)
        self._ahead = None
        scale = self.config.schedule.scale(step, self.config.steps)
        if batch is None:
            seconds = time.perf_counter() - started
            figures = {"loss": 0.0, "grad_norm": 0.0, "scale": scale, "tokens": 0}
            self._told = (0.0, 0.0, 0.0, 0.0)
            return {**figures, "seconds": seconds, "skipped": True}
        loss, norm = self._gradients(batch, step)
        self.guard.look(step, loss, norm)
        self._clip(norm)
        self.optimizer.step(scale)
        seconds = time.perf_counter() - started
        figures = {"loss": loss, "grad_norm": norm, "scale": scale, "tokens": batch.tokens}
        return {**figures, "seconds": seconds, **batch.facts}

    def _gradients(self, batch: Batch, step: int) -> tuple[float, float]:
        """Make the batch's gradients; its loss and their norm. Meanwhile the next batch is laid out.

        One wait for the device a step: everything before it is only asked for.
        """
        self.module.train()
        self.module.zero_grad(set_to_none=True)
        mine = self.crew.share(batch)
        rows = self._rows(mine)
        full = mine.filled(rows) if self._compiled else mine
        losses = []
        if self.float8 is not None:
            self.float8.begin(step)
        for start in range(0, len(full.ids_BT), rows):
            self.crew.before(last=start + rows >= len(full.ids_BT))
            with strictly(self.device):
                part = self.objective(self.module, full.rows(start, start + rows, self.device))
                part.backward()
            losses.append(part.detach())
        self.crew.after()
        if self.float8 is not None:
            self.float8.end(self.crew.largest)
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(self._local_gradients())))
        if self.source.regular and step + 1 < self.config.steps:
            self._ahead = self.source.batch(step + 1)
        loss, size, *told = self.crew.agree(torch.stack(losses).sum(), norm, self._signals())
        self._told = (told[0], told[1], told[2], told[3])
        return loss, size

    @torch.no_grad()
    def _local_gradients(self) -> list[Tensor]:
        """Gradients as this rank holds them."""
        return [local(p.grad) for p in self.module.parameters() if p.grad is not None]

    def _rows(self, batch: Batch) -> int:
        """Rows in one forward pass: decided at the first batch where batches are regular, else for each row length.

        A GPU is tried out once for a length: a batch of more rows than were tried fits as many at once as before.
        """
        if self._microbatch and self.source.regular:
            return self._microbatch
        count, length = batch.ids_BT.shape
        if length in self._room:
            return min(count, self._room[length])
        tokens = self.config.microbatch_tokens
        alike = self.source.regular
        self._microbatch = microbatch_rows(self.module, self.objective, batch, self.how, tokens, alike)
        if not alike and self.device.type == "cuda":
            self._room[length] = self._microbatch
        return min(count, self._microbatch)

    def _clip(self, norm: float) -> None:
        limit = self.config.max_grad_norm
        if limit and norm > limit:
            torch._foreach_mul_(self._local_gradients(), limit / norm)

    def _resume(self) -> int:
        state = checkpoint.load(self.work, self.label, self.module, self.optimizer, self.how.group)
        if state is None:
            return 0
        self.guard.restore(state["guard"])
        self.source.restore(state["source"])
        if state.get("ranks", 1) == self.how.place.ranks:  # other ranks have other rows
            self._microbatch = int(state.get("microbatch", 0))
        return int(state["step"])

    def _save(self, step: int) -> None:
        begun = time.perf_counter()
        if self._saver.busy:
            self._saver.settle()
        state = {
            "guard": self.guard.state(),
            "source": self.source.state(),
            "microbatch": self._microbatch if self.source.regular else 0,
            "ranks": self.how.place.ranks,
        }
        self._saver.begin(step, self.module, self.optimizer, state)
        self._saved_at = time.monotonic()
        self._stood_still = time.perf_counter() - begun
