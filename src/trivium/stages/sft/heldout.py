"""The loss on held-out conversations by source, and the weights that had the least of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from trivium.ground.artifact import Label
from trivium.ground.atomic import read_json, write_json
from trivium.model.transformer import Transformer
from trivium.train.loop import language_loss
from trivium.train.packing import Example, pack, rows_of

PASS_TOKENS = 8192
"""Tokens in one forward pass."""


@torch.no_grad()
def losses(
    model: Transformer, examples: Mapping[str, Sequence[Example]], row_tokens: int, pad: int
) -> dict[str, float]:
    """Nats per taught token: of each source, and of all together ("all")."""
    model.eval()
    sums: dict[str, tuple[float, float]] = {}
    for source, some in examples.items():
        groups = pack([len(one.ids) - 1 for one in some], row_tokens)
        total = taught = 0.0
        step = max(1, PASS_TOKENS // row_tokens)
        for start in range(0, len(groups), step):
            batch = rows_of(some, groups[start : start + step], row_tokens, pad)
            total += language_loss(model, batch.rows(0, len(batch.ids_BT), model.device)).item()
            taught += float(batch.weights_BT.sum())
        sums[source] = (total, taught)
    if not sums:
        return {}
    whole = (sum(total for total, _ in sums.values()), sum(taught for _, taught in sums.values()))
    return {name: total / max(taught, 1.0) for name, (total, taught) in {"all": whole, **sums}.items()}


class Best:
    """The weights of the least held-out loss so far, on disk beside the checkpoints.

    A resumed run measures again what it had measured, with the same result: what is kept does not depend on where it
    was stopped.
    """

    def __init__(self, module: nn.Module, work: Path, label: Label) -> None:
        self.module, self.work = module, work
        self.about = work / f"best-{label.id}.json"

    def offer(self, step: int, loss: float) -> None:
        """Keep the weights as they are now, unless an earlier step did as well."""
        known = read_json(self.about) if self.about.exists() else None
        if known is not None and (known["loss"], known["step"]) <= (loss, step):
            return
        self.work.mkdir(parents=True, exist_ok=True)
        name = f"best-{step:06d}.safetensors"
        held = {n: p.detach().cpu().contiguous() for n, p in self.module.named_parameters() if p.requires_grad}
        save_file(held, self.work / (name + ".new"))
        os.replace(self.work / (name + ".new"), self.work / name)
        write_json(self.about, {"step": step, "loss": loss, "file": name})  # only now does it count
        if known is not None and known["file"] != name:
            (self.work / known["file"]).unlink(missing_ok=True)

    @torch.no_grad()
    def restore(self) -> int:
        """Put the kept weights into the module; the step that they are of, 0 where none were kept."""
        if not self.about.exists():
            return 0
        known = read_json(self.about)
        held = load_file(self.work / known["file"])
        for name, parameter in self.module.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(held[name])
        return int(known["step"])
