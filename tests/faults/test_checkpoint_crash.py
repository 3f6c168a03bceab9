"""Every crash point of a real checkpoint save, with weights and optimizer: training goes on from a whole one."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from fault_inject import CRASH, boundaries, crash_at
from torch import nn

from trivium.ground.artifact import Label
from trivium.model.config import OptimizerConfig
from trivium.model.optim import Optimizer
from trivium.train import checkpoint

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


def test_a_crash_anywhere_in_a_checkpoint_save_loses_at_most_that_save(tmp_path: Path) -> None:
    work = tmp_path / "base.work"
    states = {step: trained(step) for step in (1, 2)}

    def save(step: int) -> None:
        checkpoint.save(work, LABEL, step, *states[step], {"note": step})

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
    assert reached == {1, 2}
