"""The folder for what can be had again: fetched files, compiled code."""

from __future__ import annotations

import os
from pathlib import Path


def cache() -> Path:
    """TRIVIUM_CACHE, or `trivium` in the user's cache folder (XDG_CACHE_HOME, or ~/.cache). It need not be there."""
    chosen = os.environ.get("TRIVIUM_CACHE")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trivium"
