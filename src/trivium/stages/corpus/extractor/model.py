"""The extractor's learned numbers: weights of the first look by name, trees of the second. Both are text files."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trivium.ground.errors import UsageError
from trivium.stages.corpus.extractor import tags
from trivium.stages.corpus.extractor.evidence import FAMILIES, key_of

EVIDENCE, FOREST = "evidence.tsv", "forest.json"
Weights = dict[tuple[str, str], float]
"""By family and value: a word, or numbers with their names ("tag=p words=5 links=0")."""


class Model(NamedTuple):
    """What `keep.py` reads: a table of weights by hashed key, and the trees' nodes."""

    keys: npt.NDArray[np.uint64]
    weights: npt.NDArray[np.float64]
    roots: npt.NDArray[np.int32]
    features: npt.NDArray[np.int16]
    values: npt.NDArray[np.float64]
    children: npt.NDArray[np.int32]
    base: float
    least: float
    """Log-odds from which a run is kept."""


@lru_cache(maxsize=4)
def load(folder: Path | None = None) -> Model:
    """The model of a folder, or the one that comes with the package."""
    folder = folder or Path(__file__).parent
    keys, weights = table(read_weights(folder / EVIDENCE))
    forest = json.loads((folder / FOREST).read_text())
    return Model(
        keys,
        weights,
        np.array(forest["roots"], np.int32),
        np.array(forest["features"], np.int16),
        np.array(forest["values"], np.float64),
        np.array(forest["children"], np.int32),
        float(forest["base"]),
        float(forest["least"]),
    )


def fingerprint(folder: Path) -> str:
    """The hash of a model's files: what an artifact's identity holds of it. Raises UsageError where there are none."""
    try:
        return hashlib.sha256(b"".join((folder / name).read_bytes() for name in (EVIDENCE, FOREST))).hexdigest()
    except OSError as error:
        raise UsageError(
            f"{folder} is no extractor: {error}",
            "Choose trivium, resiliparse, trafilatura, or a folder by `trivium corpus extractor train`.",
        ) from None


def read_weights(path: Path) -> Weights:
    """The weights of a file of lines: family, value, weight, tabs between."""
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return {(family, value): float(weight) for family, value, weight in rows}


def write_weights(path: Path, weights: Weights) -> None:
    """The weights as lines, sorted, so that two models can be compared by eye."""
    rows = sorted(f"{family}\t{value}\t{weight:.2f}\n" for (family, value), weight in weights.items())
    path.write_text("".join(rows), encoding="utf-8")


def table(weights: Weights) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.float64]]:
    """The weights by hashed key, for open addressing; at most half full."""
    slots = 1 << max((2 * len(weights)).bit_length(), 4)
    keys, values = np.zeros(slots, np.uint64), np.zeros(slots)
    for (family, value), weight in weights.items():
        key = key_of_name(family, value)
        slot = key % slots
        while keys[slot] and keys[slot] != key:
            slot = (slot + 1) % slots
        keys[slot], values[slot] = key, weight
    return keys, values


def key_of_name(family: str, value: str) -> int:
    """The key of a feature, from its name."""
    number = next(i for i, (name, _) in enumerate(FAMILIES) if name == family)
    sizes = FAMILIES[number][1]
    if not sizes:
        return key_of(number, tags.hash_of(value.encode()))
    packed = 0
    for part, (_, size) in zip(value.split(" "), sizes, strict=True):
        said = part.partition("=")[2]
        packed = packed * size + (tags.NAMES.index(said) if size == tags_size() else int(said))
    return key_of(number, packed)


def name_of(family: int, packed: int) -> str:
    """The name of a number's value, as `key_of_name` reads it."""
    parts: list[str] = []
    for name, size in reversed(FAMILIES[family][1]):
        packed, rest = divmod(packed, size)
        parts.append(f"{name}={tags.NAMES[rest] if size == tags_size() else rest}")
    return " ".join(reversed(parts))


def tags_size() -> int:
    """The size by which a family's number is an element's."""
    from trivium.stages.corpus.extractor.evidence import TAGS

    return TAGS
