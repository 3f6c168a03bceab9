"""What runs once per byte of text or once per merge: compiled by numba at first use, and kept for the next process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from trivium.ground.compiled import keep, place_of


def kept(compiled: Any) -> Callable[..., Any]:
    """A numba function whose machine code is kept in the cache folder, under a hash of this folder's sources."""
    return keep(compiled, place_of(Path(__file__).parents[1], ("kernels",)))
