"""Cross-entropy without ever holding all logits: chunks of tokens, gradients made on the way.

The logits of a batch (tokens x vocabulary, fp32) are larger than all else in a small model's step. Here each chunk's
logits become a loss and at once the gradients of hidden states and matrix, and are then forgotten. (The idea is that
of Liger-Kernel and of "Cut your losses", 2411.09009; written for plain torch.)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CHUNK = 1024


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden_ND: Tensor, unembed_VD: Tensor, targets_N: Tensor, weights_N: Tensor) -> Tensor:
        need = hidden_ND.requires_grad or unembed_VD.requires_grad
        matrix_VD = unembed_VD.to(hidden_ND.dtype)
        losses_N = torch.empty(len(targets_N), dtype=torch.float32, device=hidden_ND.device)
        grad_ND = torch.empty_like(hidden_ND) if need else None
        grad_VD = torch.zeros_like(unembed_VD, dtype=torch.float32) if need else None
        for start in range(0, len(targets_N), CHUNK):
            part = slice(start, start + CHUNK)
            logits_NV = (hidden_ND[part] @ matrix_VD.T).float()
            target_N1 = targets_N[part, None]
            normalizer_N1 = logits_NV.logsumexp(-1, keepdim=True)
            losses_N[part] = (normalizer_N1 - logits_NV.gather(1, target_N1))[:, 0]
            if grad_ND is not None and grad_VD is not None:
                logits_NV.sub_(normalizer_N1).exp_()
                logits_NV.scatter_add_(1, target_N1, torch.full_like(normalizer_N1, -1.0))
                slope_NV = logits_NV.mul_(weights_N[part, None]).to(hidden_ND.dtype)
                grad_ND[part] = slope_NV @ matrix_VD
                grad_VD += slope_NV.T @ hidden_ND[part]
        ctx.save_for_backward(grad_ND, grad_VD)
        return (losses_N * weights_N).sum()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, Tensor, None, None]:
        grad_ND, grad_VD = ctx.saved_tensors
        return grad_ND * grads[0].to(grad_ND.dtype), grad_VD * grads[0], None, None


def weighted_loss(hidden_ND: Tensor, unembed_VD: Tensor, targets_N: Tensor, weights_N: Tensor) -> Tensor:
    """The sum over tokens of weight times cross-entropy in nats, a scalar.

    A mean over tokens is `weights_N = mask / mask.sum()`. Weights may be negative (a policy gradient).
    """
    result: Tensor = _ChunkedLoss.apply(hidden_ND, unembed_VD, targets_N, weights_N)
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
