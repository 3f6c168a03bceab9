"""Checkpoints: sealed folders from which a run continues exactly. Two are kept; a damaged one is passed over.

`weights.safetensors` and `optimizer.safetensors` hold fp32 tensors by name; `state.json` the step, the guard and the
source. No pickle anywhere.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from trivium.ground.artifact import Label, newest_valid, sealing
from trivium.ground.atomic import read_json, write_json
from trivium.ground.errors import ArtifactError
from trivium.model.optim import Optimizer

KEEP = 2


def save(work: Path, label: Label, step: int, module: nn.Module, optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Seal the state after `step` steps as `work/step-NNNNNN` and prune older ones."""
    mark = Label(kind="checkpoint", stage=label.stage, format=label.format, config=[label.id, step])
    with sealing(work / f"step-{step:06d}", mark) as folder:
        save_file(
            {name: t.detach().cpu().contiguous() for name, t in module.named_parameters()},  # shared ones once
            folder / "weights.safetensors",
        )
        save_file({name: t.cpu() for name, t in optimizer.state.items()}, folder / "optimizer.safetensors")
        write_json(folder / "state.json", {"run": label.id, "step": step, "updates": optimizer.steps, **state})
    for old in sorted(work.glob("step-??????"))[:-KEEP]:
        shutil.rmtree(old, ignore_errors=True)


def load(work: Path, label: Label, module: nn.Module, optimizer: Optimizer) -> dict[str, Any] | None:
    """Put the newest whole checkpoint of this run into module and optimizer; its state, or None when there is none.

    Raises ArtifactError when all are damaged, or belong to another run.
    """
    if not work.is_dir():
        return None
    found = newest_valid(work, kind="checkpoint")
    if found is None:
        return None
    state: dict[str, Any] = read_json(found.file("state.json"))
    if state["run"] != label.id:
        raise ArtifactError(f"{found.path} belongs to run {state['run']}, not {label.id}.", f"Remove {work}.")
    weights = load_file(found.file("weights.safetensors"))
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(weights[name])
    saved = load_file(found.file("optimizer.safetensors"))
    for name, tensor in optimizer.state.items():
        tensor.copy_(saved[name])
    optimizer.steps = int(state["updates"])
    return state
