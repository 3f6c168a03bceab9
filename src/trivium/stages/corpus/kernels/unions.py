"""Union-find over one array: the parent of a document is never a later one, so a root is its cluster's first."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from numba import njit

from trivium.stages.corpus.kernels import kept


@njit(inline="always")
def _root(parents, i):  # type: ignore[no-untyped-def]  # numba knows
    """The root, halving the path to it."""
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@njit(nogil=True)
def _join(parents, pairs):  # type: ignore[no-untyped-def]
    for k in range(pairs.shape[1]):
        one, other = _root(parents, pairs[0, k]), _root(parents, pairs[1, k])
        parents[max(one, other)] = min(one, other)


@njit(nogil=True)
def _flatten(parents):  # type: ignore[no-untyped-def]
    for i in range(parents.size):  # what lies before is flat already
        parents[i] = parents[parents[i]]


@lru_cache(maxsize=1)
def join() -> Callable[..., Any]:
    """The compiled function: parents (n,), pairs (2, m); each pair's clusters become one."""
    return kept(_join)


@lru_cache(maxsize=1)
def flatten() -> Callable[..., Any]:
    """The compiled function: every parent becomes the root."""
    return kept(_flatten)
