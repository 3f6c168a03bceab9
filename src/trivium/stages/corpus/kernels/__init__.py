"""What runs once per character: compiled by numba at first use, and kept for the next process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from trivium.ground.compiled import keep, place_of

COMPILED = ("kernels", "extractor", "classifier")
"""The folders of this stage with compiled functions."""


def kept(compiled: Any) -> Callable[..., Any]:
    """A numba function whose machine code is kept in the cache folder, under a hash of the sources it may come from."""
    return keep(compiled, _place())


def is_cold() -> bool:
    """Whether nothing was compiled on this machine yet: then the first call takes half a minute."""
    return not _place().is_dir()


def _place() -> Path:
    return place_of(Path(__file__).parents[1], COMPILED)
