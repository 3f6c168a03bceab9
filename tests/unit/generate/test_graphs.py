"""Graphs share a pool of memory as long as one of them lives, and no longer."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import torch

from trivium.generate.steps.graphs import Graphs


class Standin:
    """What the room asks of torch.cuda, without a GPU. Like the real allocator it refuses a pool without graphs."""

    def __init__(self) -> None:
        self.pools: dict[int, int] = {}

    def graph_pool_handle(self) -> int:
        """A new pool."""
        return len(self.pools) + 1

    def graph(self, graph: Any, pool: int) -> Any:
        """Capturing into a pool."""
        assert self.pools.get(pool, 1) > 0, "this pool is being given back"
        self.pools[pool] = self.pools.get(pool, 0) + 1
        graph.pool, graph.pools = pool, self.pools
        return nullcontext()


class Graph:
    """A captured graph; when it goes, its pool has one less."""

    pool = 0
    pools: dict[int, int] = {}  # noqa: RUF012

    def replay(self) -> None:
        """Nothing to do."""

    def __del__(self) -> None:
        if self.pool:
            self.pools[self.pool] -= 1


def test_slots_that_move_take_their_graphs_and_the_pool_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    standin = Standin()
    for name in ("graph_pool_handle", "graph"):
        monkeypatch.setattr(torch.cuda, name, getattr(standin, name))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "stream", nullcontext)
    stream = type("Stream", (), {"wait_stream": lambda self, other: None})
    monkeypatch.setattr(torch.cuda, "Stream", stream)
    monkeypatch.setattr(torch.cuda, "current_stream", stream)
    graphs, kept = Graphs(), [torch.zeros(3)]

    def step() -> torch.Tensor:
        kept[0] += 1
        return kept[0].clone()

    for where in (1, 1, 2, 1):
        for key in ((1, 16, "greedy"), (2, 16, "greedy")):
            graphs.replay(key, where, kept, step)
    assert standin.pools == {1: 0, 2: 0, 3: 2}, "one pool for each place of the slots; the last one's graphs live"
