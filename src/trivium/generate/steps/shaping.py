"""What a request may do to its logits before a token is drawn. Rows that ask for nothing are left as they are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from trivium.generate.request import Request


class Shaping:
    """The wishes of all rows as tensors. Shapes: B rows, V vocabulary."""

    def __init__(
        self, rows: Sequence[tuple[Request, Sequence[int]] | None], vocabulary: int, device: torch.device
    ) -> None:
        """`rows` are each row's request and the ids that it has so far, prompt included; None for a row without one."""
        plain = Request((0,), 0)
        asked = [plain if row is None else row[0] for row in rows]
        self.top = max((request.top_logprobs for request in asked), default=0)
        self._temperatures = _column([request.temperature or 1.0 for request in asked], device)
        self._bias = self._there = None
        if any(request.bias for request in asked):
            self._bias = torch.zeros(len(asked), vocabulary)
            for place, request in enumerate(asked):
                if request.bias:
                    self._bias[place, list(request.bias)] = torch.tensor(
                        list(request.bias.values()), dtype=torch.float32
                    )
            self._bias = self._bias.to(device)
        if any(request.repetition != 1 for request in asked):
            self._repetition = _column([request.repetition for request in asked], device)
            self._there = torch.zeros(len(asked), vocabulary, dtype=torch.bool)
            for place, row in enumerate(rows):
                if row is not None and row[0].repetition != 1:
                    self._there[place, torch.as_tensor(row[1], dtype=torch.long)] = True
            self._there = self._there.to(device)
        self._sorted = any(request.top_k > 0 or request.top_p < 1 for request in asked)
        self._top_k = _column([request.top_k or vocabulary for request in asked], device)
        self._top_p = _column([request.top_p for request in asked], device)
        cut = any(request.min_p > 0 for request in asked)
        self._min_p = _column([request.min_p for request in asked], device) if cut else None

    def shape(self, logits_BV: Tensor) -> Tensor:
        """The logits that a token is drawn from, -inf where a token is cut."""
        if self._bias is not None:
            logits_BV = logits_BV + self._bias
        if self._there is not None:
            less_BV = torch.where(logits_BV > 0, logits_BV / self._repetition, logits_BV * self._repetition)
            logits_BV = torch.where(self._there, less_BV, logits_BV)
        if self._sorted:
            logits_BV = self._likeliest(logits_BV)
        if self._min_p is not None:
            shares_BV = torch.softmax(logits_BV / self._temperatures, -1)
            low_BV = shares_BV < self._min_p * shares_BV.amax(-1, keepdim=True)
            logits_BV = logits_BV.masked_fill(low_BV, -torch.inf)
        return logits_BV

    def note(self, ids_B: Tensor) -> None:
        """These ids are there now."""
        if self._there is not None:
            self._there.scatter_(1, ids_B[:, None], True)

    def _likeliest(self, logits_BV: Tensor) -> Tensor:
        ordered_BV, order_BV = logits_BV.sort(dim=-1, descending=True, stable=True)
        cut_BV = torch.arange(logits_BV.shape[1], device=logits_BV.device) >= self._top_k
        shares_BV = torch.softmax((ordered_BV / self._temperatures).masked_fill(cut_BV, -torch.inf), -1)
        cut_BV |= (shares_BV.cumsum(-1) - shares_BV >= self._top_p) & (self._top_p < 1)
        return logits_BV.masked_fill(torch.zeros_like(cut_BV).scatter(1, order_BV, cut_BV), -torch.inf)


def _column(values: Sequence[float], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)[:, None]
