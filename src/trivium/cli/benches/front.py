"""`trivium bench NAME`: comparisons as commands. The scales themselves are in `trivium.bench`."""

from __future__ import annotations

from trivium.cli.benches import knowledge, models, practice, texts
from trivium.cli.benches.scales import app

__all__ = ["app", "knowledge", "models", "practice", "texts"]
