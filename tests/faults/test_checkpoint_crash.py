"""Every crash point of a real checkpoint save, with weights and optimizer: training goes on from a whole one."""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fault_inject import CRASH, Faults, boundaries, crash_at
from torch import nn

from trivium.ground.alive import mark
from trivium.ground.artifact import Label, newest_valid
from trivium.ground.errors import TriviumError
from trivium.model.config import OptimizerConfig
from trivium.model.optim import Optimizer
from trivium.train import checkpoint, saver
from trivium.train.saver import Saver
from trivium.train.sharding import rows_of

LABEL = Label("model", "toy", 1, {"seed": 1})


def trained(steps: int) -> tuple[nn.Module, Optimizer]:
    """A module and its optimizer after some steps; the same for the same number."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))
    optimizer = Optimizer(module, OptimizerConfig())
    for step in range(steps):
        module(torch.full((3, 4), float(step + 1))).square().mean().backward()
        optimizer.step(1.0)
        module.zero_grad()
    return module, optimizer


def by_one(work: Path, step: int, state: tuple[nn.Module, Optimizer]) -> None:
    """Save while the process waits."""
    checkpoint.save(work, LABEL, step, *state, {"note": step})


def in_a_thread(work: Path, step: int, state: tuple[nn.Module, Optimizer]) -> None:
    """Save as a run does, in a thread of its own."""
    found = Saver(work, LABEL)
    found.begin(step, *state, {"note": step})
    found.settle()


class Ranks:
    """Two ranks of a shared save, in one process: what each holds, and the thread that writes it."""

    def __init__(self, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        groups = [SimpleNamespace(rank=rank, size=2, first=rank == 0, mark=mark(), patience=60.0) for rank in (0, 1)]
        self.savers = [Saver(work, LABEL, group, shared=True) for group in groups]
        monkeypatch.setattr(saver, "held", self._held)
        self._rank = 0

    def _held(self, module: nn.Module, optimizer: Optimizer) -> Any:
        def mine(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {name: t[slice(*rows_of(len(t), self._rank, 2))] for name, t in tensors.items()}

        weights = dict(module.named_parameters())
        counts = {name: len(t) for name, t in [*weights.items(), *optimizer.state.items()]}
        rows = {name: (*rows_of(count, self._rank, 2), count) for name, count in counts.items()}
        return mine(weights), mine(optimizer.state), rows

    def save(self, step: int, state: tuple[nn.Module, Optimizer]) -> None:
        """What happens at two boundaries: all begin; then, all having written, rank 0 seals."""
        for rank, found in enumerate(self.savers):
            self._rank = rank
            found.begin(step, *state, {"note": step})
        failed, written, waiting = 0.0, 0.0, True
        while waiting and not failed:
            waiting = any([found.waiting(0.01) for found in self.savers])
            failed, written = (sum(numbers) for numbers in zip(*(s.signals() for s in self.savers), strict=True))
        errors = []
        for found in self.savers:
            try:
                found.heard(failed, written)
                found._finish()
            except (TriviumError, OSError) as error:
                errors.append(error)
        if errors:
            raise errors[0]


Save = Callable[[Path, int, tuple[nn.Module, Optimizer]], None]


def by_two(monkeypatch: pytest.MonkeyPatch) -> Save:
    """Save as two ranks do that share the tensors."""
    return lambda work, step, state: Ranks(work, monkeypatch).save(step, state)


@pytest.mark.parametrize("way", ["one", "thread", "two"])
def test_a_crash_anywhere_in_a_checkpoint_save_loses_at_most_that_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    work = tmp_path / "base.work"
    states = {step: trained(step) for step in (1, 2)}
    how: Save = {"one": by_one, "thread": in_a_thread, "two": by_two(monkeypatch)}[way]

    def save(step: int) -> None:
        how(work, step, states[step])

    save(1)
    total = boundaries(lambda: save(2))
    assert total > 10
    reached = set()
    for k in range(1, total + 1):
        shutil.rmtree(work)
        save(1)
        assert crash_at(k, lambda: save(2)) == CRASH
        module, optimizer = trained(0)
        state = checkpoint.load(work, LABEL, module, optimizer)
        assert state is not None
        step = state["step"]
        reached.add(step)
        assert state["note"] == step
        for name, tensor in states[step][0].state_dict().items():
            assert torch.equal(module.state_dict()[name], tensor)
        for name, tensor in states[step][1].state.items():
            assert torch.equal(optimizer.state[name], tensor)
        save(2)
        assert sorted(path.name for path in work.iterdir()) == ["step-000001", "step-000002"], "nothing is left over"
    assert reached == {1, 2}


@pytest.mark.parametrize("way", ["thread", "two"])
def test_a_full_disk_anywhere_in_a_save_is_told_and_the_one_before_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    work = tmp_path / "base.work"
    states = {step: trained(step) for step in (1, 2)}
    how: Save = {"thread": in_a_thread, "two": by_two(monkeypatch)}[way]
    how(work, 1, states[1])
    told = 0
    for k in range(1, boundaries(lambda: how(work, 2, states[2])) + 1):
        shutil.rmtree(work)
        how(work, 1, states[1])
        try:
            with Faults(k, crash=False).installed():
                how(work, 2, states[2])
        except OSError as error:
            assert error.errno == errno.ENOSPC
            told += 1
        except TriviumError as error:
            assert "another rank" in str(error).lower()
            told += 1
        found = newest_valid(work, kind="checkpoint")
        assert found is not None
        assert {path.name for path in work.iterdir()} <= {"step-000001", "step-000002"}, "no litter"
    assert told > 10


def test_training_goes_on_while_a_save_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is saved is the state of the moment, whatever happens to it meanwhile; and saves do not overlap."""
    module, optimizer = trained(2)
    wanted = {name: value.clone() for name, value in module.state_dict().items()}
    go, real = threading.Event(), checkpoint.Snapshot.write
    monkeypatch.setattr(checkpoint.Snapshot, "write", lambda *a: (go.wait(60), real(*a))[1])
    found = Saver(tmp_path, LABEL)
    found.begin(2, module, optimizer, {})
    assert found.busy
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        for tensor in optimizer.state.values():
            tensor.zero_()
    found.heard(*found.signals())
    assert found.busy, "it is not waited for"
    assert not list(tmp_path.glob("step-000002"))
    go.set()
    found.settle()
    assert not found.busy
    again, its_optimizer = trained(0)
    assert checkpoint.load(tmp_path, LABEL, again, its_optimizer) is not None
    assert all(torch.equal(value, wanted[name]) for name, value in again.state_dict().items())
    assert all(tensor.any() for name, tensor in its_optimizer.state.items() if name.startswith("mean"))
