"""Matrices as int8 with a scale for each row of the matrix, for a CPU that decodes few rows at a time.

One row at a time, decoding waits for weights to come from memory: a quarter of the bytes is what makes it faster.
Numbers that are multiplied with them stay fp32. Idea: LLM.int8's absmax rows without its outliers (2208.07339).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from trivium.generate.steps.threads import share
from trivium.generate.steps.weights import Dense
from trivium.ground.compiled import keep, place_of

FEW = 8
"""Up to so many rows go through our kernel; more are multiplied by fp32 again, a stretch of the matrix at a time."""
STRETCH = 1 << 18
"""Weights that are fp32 at once."""
SHARED = 1 << 20
"""Smaller matrices are not worth a second thread."""


class Eight:
    """A matrix `(out, in)` in int8."""

    def __init__(self, dense: Dense) -> None:
        wide_OI = dense.weight.float()
        self.scales = (wide_OI.abs().amax(1) / 127).clamp(min=1e-12)
        self.weight = (wide_OI / self.scales[:, None]).round().to(torch.int8).contiguous()
        self.bias = dense.bias
        self._raw = self.weight.numpy(), self.scales.numpy()
        self._kernel = kernel()

    def __call__(self, x_ND: Tensor) -> Tensor:
        """`x` times the matrix, fp32."""
        out_NO = self._few(x_ND) if len(x_ND) <= FEW else self._many(x_ND)
        return out_NO if self.bias is None else out_NO + self.bias

    def _few(self, x_ND: Tensor) -> Tensor:
        out_NO = x_ND.new_empty(len(x_ND), len(self.scales))
        x, out, (weight, scales) = x_ND.contiguous().numpy(), out_NO.numpy(), self._raw
        threads = torch.get_num_threads() if self.weight.numel() >= SHARED else 1
        share(lambda start, stop: self._kernel(x, weight, scales, out, start, stop), len(scales), threads)
        return out_NO

    def _many(self, x_ND: Tensor) -> Tensor:
        step = max(64, STRETCH // self.weight.shape[1])
        parts = [F.linear(x_ND, part.float()) for part in self.weight.split(step)]
        return torch.cat(parts, 1).mul_(self.scales)


@cache
def kernel() -> Callable[..., Any]:
    """The compiled product; the first time on a machine it takes some seconds."""
    from trivium.generate.steps.product import product

    return keep(product, place_of(Path(__file__).parents[1], ("steps",)))
