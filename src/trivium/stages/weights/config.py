"""What an import writes on its artifact."""

from __future__ import annotations

from dataclasses import dataclass

STAGE = "import"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class ImportConfig:
    """The weights themselves are an outside input: their hash decides the artifact's id, not where they lay."""

    name: str = ""
    """What the model is called; empty: what its files call it."""
