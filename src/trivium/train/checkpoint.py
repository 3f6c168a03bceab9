"""Checkpoints: sealed folders from which a run continues exactly. Two are kept; a damaged one is passed over.

`weights.safetensors` and `optimizer.safetensors` hold fp32 tensors by name; `state.json` the step, the guard and the
source. Where ranks share the tensors, each writes its rows (`weights-00000-of-00002.safetensors`), and any number of
ranks reads them. No pickle anywhere.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trivium.ground.artifact import Artifact, Label, newest_valid, open_artifact, sealing
from trivium.ground.atomic import read_json, write_json
from trivium.ground.errors import ArtifactError
from trivium.model.optim import Optimizer
from trivium.model.spread import local
from trivium.train.pieces import Pieces, Rows, whole, write

KEEP = 2


@dataclass(frozen=True)
class Snapshot:
    """What a checkpoint holds, of this rank, in host memory."""

    step: int
    weights: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    rows: dict[str, Rows]
    """Which rows of the whole each tensor is; empty where it is whole."""
    state: dict[str, Any]

    def write(self, folder: Path, ending: str = "") -> dict[str, str]:
        """Write the tensors; sha256 by file name."""
        known = {}
        for kind, tensors in (("weights", self.weights), ("optimizer", self.optimizer)):
            name = f"{kind}{ending}.safetensors"
            known[name] = write(folder / name, tensors, self.rows or None)
        return known


@torch.no_grad()
def held(module: nn.Module, optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Rows]]:
    """Weights and optimizer state as this rank has them, where they lie, and which rows of the whole these are.

    The rows are empty where every tensor is whole. Frozen weights are no state: a run begins with them.
    """
    named = {name: p for name, p in module.named_parameters() if p.requires_grad}  # shared ones once
    weights = {name: local(parameter) for name, parameter in named.items()}
    rest = dict(optimizer.state)
    float8 = getattr(module, "float8", None)
    if float8 is not None:
        rest["float8.largest"] = float8.largest
    rows: dict[str, Rows] = {}
    if any(hasattr(parameter, "to_local") for parameter in named.values()):
        from trivium.train.sharding import rows_held  # torch's DTensor takes its time to load

        rows = {name: rows_held(parameter) for name, parameter in named.items()}
        rows |= {name: rows[name.partition(".")[2]] for name in optimizer.state}
    return weights, rest, rows


def mark(label: Label, step: int) -> Label:
    """What is written on the checkpoint of a run after `step` steps."""
    return Label(kind="checkpoint", stage=label.stage, format=label.format, config=[label.id, step])


def place(work: Path, step: int) -> Path:
    """Where that checkpoint is."""
    return work / f"step-{step:06d}"


def save(work: Path, label: Label, step: int, module: nn.Module, optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Seal the state after `step` steps as `work/step-NNNNNN` and prune older ones: one process, while it waits."""
    weights, rest, rows = held(module, optimizer)
    weights, rest = ({name: t.cpu() for name, t in tensors.items()} for tensors in (weights, rest))
    snapshot = Snapshot(step, weights, rest, rows, {"run": label.id, "updates": optimizer.steps, **state})
    known: dict[str, str] = {}
    with sealing(place(work, step), mark(label, step), known=known) as folder:
        known |= snapshot.write(folder)
        write_state(folder, snapshot)
    prune(work)


def write_state(folder: Path, snapshot: Snapshot) -> None:
    """Write what is no tensor."""
    write_json(folder / "state.json", {"step": snapshot.step, **snapshot.state})


def prune(work: Path) -> None:
    """Remove all but the newest checkpoints."""
    for old in sorted(work.glob("step-??????"))[:-KEEP]:
        shutil.rmtree(old, ignore_errors=True)


def load(work: Path, label: Label, module: nn.Module, optimizer: Optimizer, group: Any = None) -> dict[str, Any] | None:
    """Put the newest whole checkpoint of this run into module and optimizer; its state, or None when there is none.

    Each rank reads its own rows. Raises ArtifactError when all are damaged, or belong to another run.
    """
    found = _newest(work) if group is None else _newest_for(work, group)
    if found is None:
        return None
    state: dict[str, Any] = read_json(found.file("state.json"))
    if state["run"] != label.id:
        raise ArtifactError(f"{found.path} belongs to run {state['run']}, not {label.id}.", f"Remove {work}.")
    weights, rest, rows = held(module, optimizer)
    for kind, tensors in (("weights", weights), ("optimizer", rest)):
        pieces = Pieces([found.file(name) for name in files_of(found.manifest["files"], kind)])
        with torch.no_grad():
            for name, tensor in tensors.items():
                pieces.fill(name, tensor, rows.get(name) or whole(tensor))
    optimizer.steps = int(state["updates"])
    return state


def files_of(names: Iterable[str], kind: str) -> list[str]:
    """The files that hold weights, or optimizer state."""
    return [name for name in names if name.startswith(kind) and name.endswith(".safetensors")]


def _newest(work: Path) -> Artifact | None:
    return newest_valid(work, kind="checkpoint") if work.is_dir() else None


def _newest_for(work: Path, group: Any) -> Artifact | None:
    """Rank 0 looks and sets damaged ones aside; the others hear which it is."""

    def look() -> str:
        found = _newest(work)
        return "" if found is None else found.path.name

    name: str = group.from_first(look)
    return open_artifact(work / name, kind="checkpoint") if name else None
