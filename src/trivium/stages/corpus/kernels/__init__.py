"""What runs once per character: compiled by numba at first use, and kept for the next process."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from trivium.ground.cache import cache

COMPILED = ("kernels", "extractor", "classifier", "decontamination")
"""The folders of this stage with compiled functions."""


def kept(compiled: Any) -> Callable[..., Any]:
    """A numba function whose machine code is kept in the cache folder, under a hash of the sources it may come from.

    numba itself looks at the time of one file, and a kernel is compiled from several. Called at first use, since an
    import writes nothing. Where no folder can be written, each process compiles anew.
    """
    import numba

    numba.config.CACHE_DIR = str(_place())  # type: ignore[attr-defined]
    with contextlib.suppress(RuntimeError, OSError):
        compiled.enable_caching()
    return compiled


def is_cold() -> bool:
    """Whether nothing was compiled on this machine yet: then the first call takes half a minute."""
    return not _place().is_dir()


@lru_cache(maxsize=1)
def _place() -> Path:
    house = Path(__file__).parents[1]
    sources = b"".join(path.read_bytes() for name in COMPILED for path in sorted((house / name).glob("*.py")))
    return cache() / "kernels" / hashlib.sha256(sources).hexdigest()[:16]
