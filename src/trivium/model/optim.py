"""Muon for the matrices of the blocks, AdamW for everything else.

Muon (Jordan et al. 2024) makes each matrix's momentum nearly orthogonal by a Newton-Schulz iteration before it is
applied, so that every direction of the update has the same size. Matrices of one shape are updated together, stacked.
State is plain named tensors, so that a checkpoint is a safetensors file.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from trivium.model.config import OptimizerConfig
from trivium.model.device import pick_dtype

# Five steps of the quintic iteration, with the coefficients of Jordan et al.
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


class Optimizer:
    """Updates a module's parameters from their gradients; `scale` multiplies every peak rate."""

    def __init__(self, module: nn.Module, config: OptimizerConfig) -> None:
        self.config = config
        named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        self._matrices: dict[tuple[int, ...], list[tuple[str, nn.Parameter]]] = {}
        self._others: list[tuple[str, nn.Parameter, float]] = []
        for name, parameter in named:
            if parameter.ndim == 2 and name.startswith("layers."):
                self._matrices.setdefault(tuple(parameter.shape), []).append((name, parameter))
            else:
                lr = config.head_lr if name.startswith(("lm_head", "score")) else config.embed_lr
                self._others.append((name, parameter, lr))
        self.steps = 0
        self.state = {f"muon.{name}": torch.zeros_like(p) for name, p in _flat(self._matrices.values())}
        for name, parameter, _ in self._others:
            self.state[f"mean.{name}"] = torch.zeros_like(parameter)
            self.state[f"square.{name}"] = torch.zeros_like(parameter)

    @torch.no_grad()
    def step(self, scale: float) -> None:
        """Apply one update at `scale` times the peak rates. Gradients must be there."""
        self.steps += 1
        for group in self._matrices.values():
            self._muon(group, scale)
        for name, parameter, lr in self._others:
            self._adamw(name, parameter, lr * scale)

    def _muon(self, group: list[tuple[str, nn.Parameter]], scale: float) -> None:
        momentum = self.config.momentum
        directions = []
        for name, parameter in group:
            gradient = parameter.grad
            if gradient is None:
                gradient = torch.zeros_like(parameter)
            buffer = self.state[f"muon.{name}"]
            buffer.lerp_(gradient, 1 - momentum)
            directions.append(gradient.lerp(buffer, momentum))
        updates = orthogonal(torch.stack(directions))
        rows, columns = group[0][1].shape
        size = self.config.muon_lr * scale * max(1.0, rows / columns) ** 0.5
        for (_, parameter), update in zip(group, updates, strict=True):
            parameter.mul_(1 - self.config.muon_lr * scale * self.config.weight_decay)
            parameter.add_(update, alpha=-size)

    def _adamw(self, name: str, parameter: nn.Parameter, lr: float) -> None:
        if parameter.grad is None:
            return
        config = self.config
        mean, square = self.state[f"mean.{name}"], self.state[f"square.{name}"]
        mean.lerp_(parameter.grad, 1 - config.beta1)
        square.mul_(config.beta2).addcmul_(parameter.grad, parameter.grad, value=1 - config.beta2)
        mean_scale = 1 - config.beta1**self.steps
        square_scale = 1 - config.beta2**self.steps
        parameter.addcdiv_(mean / mean_scale, (square / square_scale).sqrt_().add_(config.eps), value=-lr)


def _flat(groups: Iterable[list[tuple[str, nn.Parameter]]]) -> list[tuple[str, nn.Parameter]]:
    return [item for group in groups for item in group]


def orthogonal(matrices_NRC: Tensor, steps: int = 5) -> Tensor:
    """Matrices with the singular vectors of the given ones and singular values near one, same shape, fp32.

    Runs in bf16 where the hardware multiplies that (it is enough for a direction): elsewhere bf16 is emulated and would
    take seven times as long as the rest of a step.
    """
    a, b, c = NEWTON_SCHULZ
    x = matrices_NRC.to(pick_dtype(matrices_NRC.device))
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return (x.mT if tall else x).float()
