"""Machine code of numba functions, kept from one process to the next."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from trivium.ground.cache import cache


def keep(compiled: Any, place: Path) -> Callable[..., Any]:
    """A numba function whose machine code is kept in the folder `place`; where none can be written, each process
    compiles anew. Called at first use, since an import writes nothing.
    """
    import numba

    numba.config.CACHE_DIR = str(place)  # type: ignore[attr-defined]
    with contextlib.suppress(RuntimeError, OSError):
        compiled.enable_caching()
    function: Callable[..., Any] = compiled
    return function


@lru_cache
def place_of(house: Path, folders: Sequence[str]) -> Path:
    """Where the code compiled from these folders of a house belongs: under a hash of their sources.

    numba itself looks at the time of one file, and a kernel is compiled from several.
    """
    sources = b"".join(path.read_bytes() for name in folders for path in sorted((house / name).glob("*.py")))
    return cache() / "kernels" / hashlib.sha256(sources).hexdigest()[:16]
