"""A trained classifier on disk and in memory: one file of weights, with its figures in its header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from trivium.ground.errors import UsageError
from trivium.stages.corpus.classifier.ngrams import BITS, margin_of
from trivium.stages.corpus.kernels import kept

FILE = "classifier.npz"
MOST_BYTES = 65_536
"""Of a text that are looked at, from its beginning."""
VERSION = 1
"""Of the hashing: a file of another one is refused."""


@dataclass(frozen=True)
class Classifier:
    """A linear model on hashed words and pairs of words."""

    weights: npt.NDArray[np.float32]
    bias: float
    figures: dict[str, Any]
    """What was measured when it was trained."""

    def save(self, folder: Path) -> Path:
        """Write FILE into the folder; its path comes back."""
        folder.mkdir(parents=True, exist_ok=True)
        figures = np.frombuffer(json.dumps(self.figures).encode(), np.uint8)
        with (folder / FILE).open("wb") as file:
            np.savez(file, weights=self.weights, bias=np.float32(self.bias), version=VERSION, figures=figures)
        return folder / FILE


def load(place: Path) -> Classifier:
    """The classifier of a file or of a folder. Raises UsageError for what is none."""
    path = place / FILE if place.is_dir() else place
    mend = "Train one: trivium corpus score train --good GOOD --bad BAD --out FOLDER."
    try:
        with np.load(path, allow_pickle=False) as file:
            weights, bias, version = file["weights"], float(file["bias"]), int(file["version"])
            figures = json.loads(file["figures"].tobytes())
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise UsageError(f"{place} is no quality classifier: {error}", mend) from None
    if version != VERSION or weights.shape != (1 << BITS,) or weights.dtype != np.float32:
        raise UsageError(f"{place} is a classifier of another version of trivium.", mend)
    return Classifier(weights, bias, figures)


def fingerprint(place: Path) -> str:
    """The hash of a classifier's file: what an artifact's identity holds of it."""
    path = place / FILE if place.is_dir() else place
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"{place} is no quality classifier: {error}", "Give the folder of a trained one.") from None


def judge(classifier: Classifier) -> Callable[[str], float]:
    """A function from a text to its probability to be good; the two belong to one process."""
    margin = _compiled()
    places = np.empty(MOST_BYTES + 2, np.uint32)

    def chance(text: str) -> float:
        given = bytes_of(text)
        return float(1 / (1 + np.exp(-(margin(given, places, classifier.weights) + classifier.bias))))

    return chance


def bytes_of(text: str) -> npt.NDArray[np.uint8]:
    """The beginning of a text, in UTF-8."""
    return np.frombuffer(text[:MOST_BYTES].encode("utf-8", "replace")[:MOST_BYTES], np.uint8)


@lru_cache(maxsize=1)
def _compiled() -> Any:
    return kept(margin_of)
