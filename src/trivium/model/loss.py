"""Cross-entropy without ever holding all logits: chunks of tokens, gradients made on the way.

The logits of a batch (tokens x vocabulary, fp32) are larger than all else in a small model's step. Here each chunk's
logits become a loss and at once the gradients of hidden states and matrix, and are then forgotten. (The idea is that
of Liger-Kernel and of "Cut your losses", 2411.09009.) On a GPU one kernel turns a chunk's logits into the gradient in
their own place (`fused.softmax`); elsewhere, and without Triton, plain torch does the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from trivium.model.device import has_triton

CHUNK = 512
GPU_CHUNK = 16384
"""Tokens in a chunk: enough to fill the multiplying units, little enough to be forgotten soon (1 GB at 32k tokens)."""


def chunk_of(device: torch.device) -> int:
    """How many tokens' logits are held at once."""
    return GPU_CHUNK if device.type == "cuda" else CHUNK


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_ND: Tensor, unembed_VD: Tensor, targets_N: Tensor, weights_N: Tensor, told_N: Tensor | None
    ) -> Tensor:
        need = hidden_ND.requires_grad or unembed_VD.requires_grad
        matrix_VD = unembed_VD.to(hidden_ND.dtype)
        losses_N = torch.empty(len(targets_N), dtype=torch.float32, device=hidden_ND.device)
        grad_ND = torch.empty_like(hidden_ND) if need else None
        grad_VD = torch.zeros_like(unembed_VD, dtype=torch.float32) if unembed_VD.requires_grad else None
        slopes = slopes_on(hidden_ND.device)
        chunk = chunk_of(hidden_ND.device)
        for start in range(0, len(targets_N), chunk):
            part = slice(start, start + chunk)
            logits_NV = hidden_ND[part] @ matrix_VD.T
            losses_N[part], slope_NV = slopes(logits_NV, targets_N[part], weights_N[part], need)
            if grad_ND is not None:
                torch.mm(slope_NV, matrix_VD, out=grad_ND[part])
            if grad_VD is not None:  # a frozen matrix needs none: a third of the work
                grad_VD += slope_NV.T @ hidden_ND[part]
        ctx.save_for_backward(grad_ND, grad_VD)
        if told_N is not None:
            told_N.copy_(losses_N)
        return (losses_N * weights_N).sum()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, Tensor | None, None, None, None]:
        grad_ND, grad_VD = ctx.saved_tensors
        slope_VD = None if grad_VD is None else grad_VD * grads[0]
        return grad_ND * grads[0].to(grad_ND.dtype), slope_VD, None, None, None


def slopes_on(device: torch.device) -> Callable[[Tensor, Tensor, Tensor, bool], tuple[Tensor, Tensor]]:
    """The kernel on a GPU that has Triton, else `plain_slopes`."""
    if device.type != "cuda" or not has_triton():
        return plain_slopes
    from trivium.model.fused.softmax import fused_slopes

    return fused_slopes


def plain_slopes(logits_NV: Tensor, targets_N: Tensor, weights_N: Tensor, need: bool) -> tuple[Tensor, Tensor]:
    """Each token's cross-entropy in nats, `(N,)` fp32, and weight times its gradient, `(N, V)` in the logits' dtype.

    Without `need` the second is the logits as they came.
    """
    wide_NV, target_N1 = logits_NV.float(), targets_N[:, None]
    if not need:
        return (wide_NV.logsumexp(-1) - wide_NV.gather(1, target_N1)[:, 0]), logits_NV
    target_logits_N1 = wide_NV.gather(1, target_N1)
    slope_NV = torch.softmax(wide_NV, -1)
    # The largest probability cannot underflow: it gives back what all are divided by, in one pass and not four.
    normalizer_N1 = logits_NV.amax(-1, keepdim=True).float() - slope_NV.amax(-1, keepdim=True).log()
    slope_NV.scatter_add_(1, target_N1, torch.full_like(normalizer_N1, -1.0))
    return (normalizer_N1 - target_logits_N1)[:, 0], slope_NV.mul_(weights_N[:, None]).to(logits_NV.dtype)


def weighted_loss(
    hidden_ND: Tensor, unembed_VD: Tensor, targets_N: Tensor, weights_N: Tensor, told_N: Tensor | None = None
) -> Tensor:
    """The sum over tokens of weight times cross-entropy in nats, a scalar.

    A mean over tokens is `weights_N = mask / mask.sum()`. Weights may be negative (a policy gradient). Each token's
    cross-entropy is written into `told_N` (fp32), where that is given.
    """
    result: Tensor = _ChunkedLoss.apply(hidden_ND, unembed_VD, targets_N, weights_N, told_N)
    return result


@torch.no_grad()
def token_logprobs(hidden_ND: Tensor, unembed_VD: Tensor, targets_N: Tensor) -> Tensor:
    """The log-probability (nats) of each target token, `(N,)`, fp32."""
    matrix_VD = unembed_VD.to(hidden_ND.dtype)
    parts = []
    for start in range(0, len(targets_N), CHUNK):
        logits_NV = (hidden_ND[start : start + CHUNK] @ matrix_VD.T).float()
        chosen_N1 = logits_NV.gather(1, targets_N[start : start + CHUNK, None])
        parts.append((chosen_N1 - logits_NV.logsumexp(-1, keepdim=True))[:, 0])
    return torch.cat(parts) if parts else torch.empty(0)
