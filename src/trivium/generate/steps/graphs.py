"""Steps as CUDA graphs: one for each number of slots (a power of two), reach of the context, and way of drawing.

A step of a small model is some hundred kernels of a few microseconds: launched one by one they would take longer than
they run. A graph is captured when its shape first comes, and thrown away when the slots move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

RING = 4
"""Answers that may be on their way to the host at once."""

Key = tuple[int, int, str]


@dataclass(frozen=True)
class Captured:
    """A graph and the tensor that its replay fills."""

    graph: Any
    out: Tensor


class Graphs:
    """Captured steps. All share one pool of memory: what a replay gives holds until the next one."""

    def __init__(self) -> None:
        self._known: dict[Key, Captured] = {}
        self._pool: Any = None
        self._where = 0
        self._ring: list[Tensor] = []
        self._turn = 0

    def replay(self, key: Key, where: int, kept: list[Tensor], step: Callable[[], Tensor]) -> Tensor:
        """What `step` computes, from its graph. `where` is the address of the slots.

        A first run outside a graph makes all kernels ready; `kept` are tensors that it changes, put back after it.
        """
        if where != self._where:
            self._known.clear()
            self._pool = None  # a pool without graphs is being given back, and must not be captured into again
            self._where = where
        if key not in self._known:
            self._known[key] = self._capture(kept, step)
        captured = self._known[key]
        captured.graph.replay()
        return captured.out

    def _capture(self, kept: list[Tensor], step: Callable[[], Tensor]) -> Captured:
        before = [tensor.clone() for tensor in kept]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            step()
        torch.cuda.current_stream().wait_stream(stream)
        for tensor, old in zip(kept, before, strict=True):
            tensor.copy_(old)
        torch.cuda.synchronize()
        self._pool = self._pool or torch.cuda.graph_pool_handle()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            out = step()
        return Captured(graph, out)

    def send(self, out: Tensor) -> tuple[Tensor, Any]:
        """A copy of `out` in the host's memory, and the event after which it is there."""
        if not self._ring or self._ring[0].numel() < out.numel():
            self._ring = [torch.empty(max(512, out.numel()), dtype=out.dtype, pin_memory=True) for _ in range(RING)]
        self._turn = (self._turn + 1) % RING
        host = self._ring[self._turn][: out.numel()].view(out.shape)
        host.copy_(out, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        return host, event
