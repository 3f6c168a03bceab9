"""Compiled kernels side by side: each thread has a stretch of the rows."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache


def share(work: Callable[[int, int], object], count: int, threads: int) -> None:
    """Call `work(start, stop)`, which lets go of the GIL, for stretches of 0 to `count`, on so many threads."""
    step = -(-count // max(1, threads))
    if step >= count:
        work(0, count)
        return
    list(_pool(threads).map(lambda start: work(start, min(start + step, count)), range(0, count, step)))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "kernels")
