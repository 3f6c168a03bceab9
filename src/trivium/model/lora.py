"""Low-rank adapters (LoRA, 2106.09685): a frozen matrix W becomes W + alpha/rank · B A, and only A and B learn.

A is random and B zero at first, so an adapted model begins as the model that it adapts. The optimizer sees the adapters
alone (AdamW, at `embed_lr`), checkpoints hold them alone, and `merge` turns the model back into plain matrices. Files
are PEFT's: `adapter_config.json` and `adapter_model.safetensors`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from trivium.ground.atomic import read_json, write_json
from trivium.ground.errors import ArtifactError
from trivium.model.config import LINEAR, LoraConfig
from trivium.model.layers import Linear

PREFIX = "base_model.model.model."
"""What PEFT writes before a tensor's name."""
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


class Adapted(Linear):
    """A frozen matrix with an adapter beside it."""

    def __init__(self, frozen: Linear, rank: int, scale: float, generator: torch.Generator) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features, self.scale = frozen.in_features, frozen.out_features, scale
        self.weight, self.bias = frozen.weight, frozen.bias
        where = frozen.weight.device
        reach = 1 / math.sqrt(frozen.in_features)
        drawn = torch.rand(rank, frozen.in_features, generator=generator) * (2 * reach) - reach
        self.lora_A = nn.Parameter(drawn.to(where))
        self.lora_B = nn.Parameter(torch.zeros(frozen.out_features, rank, device=where))

    def forward(self, x: Tensor) -> Tensor:
        """`x` times the matrix, plus `x` through the adapter, in the dtype of `x`."""
        low = F.linear(F.linear(x, self.lora_A.to(x.dtype)), self.lora_B.to(x.dtype))
        return super().forward(x) + low * self.scale

    @torch.no_grad()
    def whole(self) -> Tensor:
        """The matrix with its adapter added, a new tensor."""
        return self.weight + self.scale * (self.lora_B @ self.lora_A)

    @torch.no_grad()
    def merged(self) -> Linear:
        """One plain matrix (its memory is the frozen one's) that does the same."""
        plain = Linear(1, 1, bias=False)
        plain.in_features, plain.out_features = self.in_features, self.out_features
        self.weight.copy_(self.whole())
        plain.weight, plain.bias = self.weight, self.bias
        return plain


def adapt(model: nn.Module, config: LoraConfig, seed: int) -> int:
    """Freeze the model and give its blocks' matrices adapters drawn from `seed`; the number of weights that learn."""
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)  # on the CPU: the same adapters on any device
    for parent, name, matrix in list(_matrices(model, Linear)):
        if name in config.targets:
            setattr(parent, name, Adapted(matrix, config.rank, config.scale, generator))
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def merge(model: nn.Module) -> None:
    """Add each adapter to its matrix and drop it: a plain model again, all of whose weights may learn."""
    for parent, name, matrix in list(_matrices(model, Adapted)):
        setattr(parent, name, matrix.merged())
    for parameter in model.parameters():
        parameter.requires_grad_(True)


def adapters(model: nn.Module) -> dict[str, Tensor]:
    """The adapters' tensors by name, where they lie."""
    return {name: parameter for name, parameter in model.named_parameters() if ".lora_" in name}


def whole_weights(model: nn.Module) -> dict[str, Tensor]:
    """The weights by name as a plain model has them: of an adapted matrix the sum."""
    adapted = {name: module for name, module in model.named_modules() if isinstance(module, Adapted)}
    plain: dict[str, Tensor] = {name: p for name, p in model.named_parameters() if ".lora_" not in name}
    return plain | {f"{name}.weight": module.whole() for name, module in adapted.items()}


def save_adapter(folder: Path, tensors: Mapping[str, Tensor], config: LoraConfig, base: str) -> None:
    """Write adapters (as `adapters` names them) as PEFT does. `base` says which model they belong to."""
    folder.mkdir(parents=True, exist_ok=True)
    about: dict[str, Any] = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": config.rank,
        "lora_alpha": config.scale * config.rank,
        "lora_dropout": 0.0,
        "target_modules": sorted(config.targets),
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
    }
    write_json(folder / CONFIG, about)
    named = {f"{PREFIX}{name}.weight": value.detach().float().cpu().contiguous() for name, value in tensors.items()}
    save_file(named, folder / WEIGHTS, metadata={"format": "pt"})


def load_adapter(folder: Path, model: nn.Module) -> None:
    """Give the model the adapters in a folder, as PEFT writes it. Raises ArtifactError where they do not fit."""
    try:
        about = read_json(folder / CONFIG)
        tensors = load_file(folder / WEIGHTS)
        names = tuple(name for name in LINEAR if name in about["target_modules"])
        config = LoraConfig(rank=int(about["r"]), alpha=float(about["lora_alpha"]), targets=names)
        adapt(model, config, 0)
        with torch.no_grad():
            for name, parameter in adapters(model).items():
                parameter.copy_(tensors.pop(f"{PREFIX}{name}.weight"))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise ArtifactError(
            f"{folder} holds no adapter for this model: {error}.", "Give the folder that goes with the model."
        ) from error
    if tensors:
        raise ArtifactError(f"{folder} holds {min(tensors)}, which this model has no place for.", "Is it another's?")


def _matrices(model: nn.Module, kind: type[Any]) -> Iterator[tuple[nn.Module, str, Any]]:
    """The blocks' matrices of a class, with the module that has them and their name in it."""
    for parent in model.modules():
        for name, child in parent.named_children():
            if name in LINEAR and type(child) is kind:
                yield parent, name, child
