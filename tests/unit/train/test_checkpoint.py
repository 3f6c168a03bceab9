"""Checkpoints: everything comes back, two are kept, damage is passed over, and never a silent start from scratch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_training import LABEL, model, same, weights

from trivium.ground.errors import ArtifactError
from trivium.model.config import OptimizerConfig
from trivium.model.optim import Optimizer
from trivium.model.transformer import Transformer
from trivium.train import checkpoint


def trained(seed: int) -> tuple[Transformer, Optimizer]:
    module = model(seed=seed)
    optimizer = Optimizer(module, OptimizerConfig())
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    optimizer.step(1.0)
    return module, optimizer


def save(work: Path, step: int) -> tuple[Transformer, Optimizer]:
    module, optimizer = trained(step)
    checkpoint.save(work, LABEL, step, module, optimizer, {"note": step})
    return module, optimizer


def test_everything_comes_back(tmp_path: Path) -> None:
    module, optimizer = save(tmp_path, 3)
    again, its_optimizer = trained(99)
    held = {name: parameter for name, parameter in again.named_parameters()}
    state = checkpoint.load(tmp_path, LABEL, again, its_optimizer)
    assert state is not None
    assert (state["step"], state["note"], its_optimizer.steps) == (3, 3, 1)
    assert same(weights(again), weights(module))
    assert same(its_optimizer.state, optimizer.state)
    assert all(again.get_parameter(name) is parameter for name, parameter in held.items()), "in place"


def test_nothing_saved_is_a_start_from_scratch(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path / "never", LABEL, *trained(0)) is None
    assert checkpoint.load(tmp_path, LABEL, *trained(0)) is None


def test_two_are_kept_the_newest_counts(tmp_path: Path) -> None:
    for step in (8, 9, 10):
        save(tmp_path, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000009", "step-000010"]
    state = checkpoint.load(tmp_path, LABEL, *trained(0))
    assert state is not None
    assert state["step"] == 10


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_a_damaged_one_is_passed_over(tmp_path: Path, name: str, damage: str) -> None:
    save(tmp_path, 1)
    save(tmp_path, 2)
    path = tmp_path / "step-000002" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data if damage == "flipped" else data[:-7])
    module, optimizer = trained(0)
    state = checkpoint.load(tmp_path, LABEL, module, optimizer)
    assert state is not None
    assert state["step"] == 1
    assert same(weights(module), weights(trained(1)[0]))


def test_all_damaged_is_an_error_and_touches_nothing(tmp_path: Path) -> None:
    for step in (1, 2):
        save(tmp_path, step)
        (tmp_path / f"step-{step:06d}" / "weights.safetensors").write_bytes(b"")
    module, optimizer = trained(0)
    before = weights(module)
    with pytest.raises(ArtifactError, match="are damaged"):
        checkpoint.load(tmp_path, LABEL, module, optimizer)
    assert same(weights(module), before)
