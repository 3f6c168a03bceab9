"""Muon for the matrices of the blocks, AdamW for everything else.

Muon (Jordan et al. 2024) makes each matrix's momentum nearly orthogonal before it is applied, so that every direction
of the update has the same size; here by the polynomials of Polar Express (2505.16932). Matrices of one shape are
updated together, stacked, with no word to or from the host. What else was tried is in docs/training.md.
State is plain named tensors, so that a checkpoint is a safetensors file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trivium.model.config import OptimizerConfig
from trivium.model.device import has_triton, pick_dtype
from trivium.model.spread import Spread, local

POLAR_EXPRESS = (
    (8.156554524902461, -22.48329292557795, 15.878769915207462),
    (4.042929935166739, -2.808917465908714, 0.5000178451051316),
    (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
    (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
    (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
)
"""Coefficients of five odd quintics, each the best for what the one before leaves (2505.16932, for 5 steps)."""

LARGE = 2**16
"""Numbers in a tensor from which it is worth a kernel of its own; smaller ones are updated together."""


@dataclass
class _Stack:
    """Matrices of one shape, and their momentum as one tensor `(N, R, C)`."""

    names: list[str]
    parameters: list[nn.Parameter]
    momentum_NRC: Tensor


@dataclass
class _Group:
    """Tensors that AdamW updates at one rate."""

    lr: float
    betas: tuple[float, float]
    names: list[str]
    parameters: list[nn.Parameter]
    means: list[Tensor]
    squares: list[Tensor]


class Optimizer:
    """Updates a module's parameters from their gradients; `scale` multiplies every peak rate.

    Of a tensor that ranks share, each updates its rows and keeps state for those alone (`spread`).
    """

    @torch.no_grad()
    def __init__(self, module: nn.Module, config: OptimizerConfig, spread: Spread | None = None) -> None:
        self.config = config
        self.spread = spread or Spread()
        self.fused = has_triton() and next(module.parameters()).device.type == "cuda"
        self.steps = 0
        self.state: dict[str, Tensor] = {}
        """Every tensor that must be kept to continue, by name; written into in place."""
        matrices: dict[tuple[int, ...], list[tuple[str, nn.Parameter]]] = {}
        others: dict[str, list[tuple[str, nn.Parameter]]] = {}
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:
                continue
            if parameter.ndim == 2 and name.startswith("layers.") and ".lora_" not in name:
                matrices.setdefault(tuple(parameter.shape), []).append((name, parameter))
            else:
                others.setdefault(_kind(name, parameter), []).append((name, parameter))
        self._stacks = [self._stack(named) for named in matrices.values()]
        self._groups = [self._group(kind, named) for kind, named in others.items()]

    def _stack(self, named: Sequence[tuple[str, nn.Parameter]]) -> _Stack:
        parameters = [parameter for _, parameter in named]
        here = local(parameters[0])
        momentum_NRC = torch.zeros(len(named), *here.shape, device=here.device)
        for i, (name, _) in enumerate(named):
            self.state[f"muon.{name}"] = momentum_NRC[i]
        return _Stack([name for name, _ in named], parameters, momentum_NRC)

    def _group(self, kind: str, named: Sequence[tuple[str, nn.Parameter]]) -> _Group:
        config = self.config
        lr = {"embed": config.embed_lr, "head": config.head_lr, "gain": config.gain_lr or config.embed_lr}[kind]
        parameters = [parameter for _, parameter in named]
        means, squares = ([torch.zeros_like(local(p)) for p in parameters] for _ in range(2))
        for (name, _), mean, square in zip(named, means, squares, strict=True):
            self.state[f"mean.{name}"], self.state[f"square.{name}"] = mean, square
        betas = (config.beta1, config.beta2)
        return _Group(lr, betas, [name for name, _ in named], parameters, means, squares)

    @torch.no_grad()
    def step(self, scale: float) -> None:
        """Apply one update at `scale` times the peak rates. Gradients must be there."""
        self.steps += 1
        for stack in self._stacks:
            self._muon(stack, scale)
        for group in self._groups:
            self._adamw(group, scale)

    def _muon(self, stack: _Stack, scale: float) -> None:
        config, (rows, columns) = self.config, stack.parameters[0].shape
        ahead_NRC = self._blend(stack, config.momentum_at(self.steps))
        update_NRC = self.spread.back(orthogonal(self.spread.out(ahead_NRC, rows)), len(stack.parameters))
        size = config.muon_lr * scale * max(1.0, rows / columns) ** 0.5
        self._move([local(parameter) for parameter in stack.parameters], update_NRC, size, scale)

    def _blend(self, stack: _Stack, momentum: float) -> Tensor:
        """Take the gradients into the momentum; Nesterov's look ahead, `(N, R, C)`."""
        gradients = [_gradient(parameter) for parameter in stack.parameters]
        if self.fused:
            from trivium.model.fused.update import blend

            return blend(gradients, stack.momentum_NRC, momentum, pick_dtype(stack.momentum_NRC.device))
        gradient_NRC = torch.stack(gradients)
        stack.momentum_NRC.lerp_(gradient_NRC, 1 - momentum)
        return gradient_NRC.lerp_(stack.momentum_NRC, momentum)

    def _move(self, weights: list[Tensor], update_NRC: Tensor, size: float, scale: float) -> None:
        """Weight decay, and the update times `size`."""
        decay = self.config.muon_lr * scale * self.config.weight_decay
        if self.fused:
            from trivium.model.fused.update import move

            move(weights, update_NRC, size, decay, self.config.cautious)
            return
        if decay and self.config.cautious:
            weight_NRC = torch.stack(weights)
            weight_NRC.mul_(weight_NRC * update_NRC > 0)
            torch._foreach_add_(weights, list(weight_NRC.unbind()), alpha=-decay)
        elif decay:
            torch._foreach_mul_(weights, 1 - decay)
        torch._foreach_add_(weights, list(update_NRC.float().unbind()), alpha=-size)

    def _adamw(self, group: _Group, scale: float) -> None:
        live = [i for i, parameter in enumerate(group.parameters) if parameter.grad is not None]
        beta1, beta2 = group.betas
        rate, bias = group.lr * scale / (1 - beta1**self.steps), 1 - beta2**self.steps
        if self.fused:
            from trivium.model.fused.update import adam

            for i in [i for i in live if group.parameters[i].numel() >= LARGE]:
                state = (_gradient(group.parameters[i]), group.means[i], group.squares[i])
                adam(local(group.parameters[i]), *state, rate, group.betas, 1 / bias, self.config.eps)
                live.remove(i)
        if not live:
            return
        parameters = [local(group.parameters[i]) for i in live]
        gradients = [_gradient(group.parameters[i]) for i in live]
        means, squares = [group.means[i] for i in live], [group.squares[i] for i in live]
        torch._foreach_lerp_(means, gradients, 1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - beta2)
        roots = torch._foreach_div(squares, bias)
        torch._foreach_sqrt_(roots)
        torch._foreach_add_(roots, self.config.eps)
        torch._foreach_addcdiv_(parameters, means, roots, value=-rate)


def _kind(name: str, parameter: Tensor) -> str:
    """Which rate a tensor outside the blocks' matrices learns at: adapters (`lora`) at that of embeddings."""
    if name.startswith(("lm_head", "score")):
        return "head"
    return "gain" if parameter.ndim == 1 else "embed"


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(local(parameter)) if parameter.grad is None else local(parameter.grad)


def orthogonal(matrices_NRC: Tensor) -> Tensor:
    """Matrices with the singular vectors of the given ones and singular values near one, same shape.

    In bf16 where the hardware multiplies that (it is enough for a direction): elsewhere bf16 is emulated and would take
    seven times as long as the rest of a step; there in fp32.
    """
    x = matrices_NRC.to(pick_dtype(matrices_NRC.device))
    x = x / (torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True) * 1.01 + 1e-7)
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    for a, b, c in POLAR_EXPRESS:
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT.contiguous() if tall else x
