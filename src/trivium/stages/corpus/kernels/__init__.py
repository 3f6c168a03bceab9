"""What runs once per character: compiled by numba at first use, and kept beside the code for the next process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any


def kept(compiled: Any) -> Callable[..., Any]:
    """A numba function whose machine code is kept on disk where a folder can be written; called at first use, since an
    import writes nothing.
    """
    with contextlib.suppress(RuntimeError):  # no folder to keep it in
        compiled.enable_caching()
    return compiled
