"""Which runs of a page are its main content: parse, look at each, look again in context, keep what is likelier so."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from trivium.stages.corpus.extractor.boxes import MARKS, NODE, PREFORMATTED, WORDS, Boxes, boxes_of
from trivium.stages.corpus.extractor.context import NAMES, context_into
from trivium.stages.corpus.extractor.evidence import evidence_into, features_of
from trivium.stages.corpus.extractor.forest import margins_into
from trivium.stages.corpus.extractor.model import Model, load
from trivium.stages.corpus.extractor.parse import Tree, parse
from trivium.stages.corpus.extractor.write import text_of
from trivium.stages.corpus.kernels import kept

HOPELESS = -5.0
"""Evidence up to which a run gets no second look: two thirds of all runs, of which one in ten thousand would stay."""


class Look(NamedTuple):
    """A page with its verdicts: log-odds of each run (a box number each in `runs`) to be main content."""

    tree: Tree
    boxes: Boxes
    runs: npt.NDArray[np.int64]
    margins: npt.NDArray[np.float64]


def extract(html: str, keep_code: bool = False, model: Model | None = None) -> str:
    """The main content of a page as Markdown-like text; "" where there is none.

    `keep_code` keeps preformatted text. The time is linear in the page's bytes, whatever they hold.
    """
    model = model or load()
    seen = look(html.encode("utf-8", "replace"), model)
    keep = np.zeros(len(seen.boxes.boxes), np.bool_)
    keep[seen.runs[seen.margins >= model.least]] = True
    if not keep_code:
        keep &= seen.boxes.boxes[:, MARKS] & PREFORMATTED == 0
    return text_of(seen.tree, seen.boxes, keep, fences=keep_code)


def look(html: bytes, model: Model) -> Look:
    """A page's runs that hold words, with their log-odds."""
    tree = parse(html)
    boxes = boxes_of(tree)
    features = features_of(tree, boxes)
    rows = boxes.boxes
    runs = np.flatnonzero((rows[:, NODE] < 0) & (rows[:, WORDS] > 0))
    margins = np.empty(len(runs))
    weights = (model.keys, model.weights)
    forest = (model.roots, model.features, model.values, model.children, model.base)
    _compiled()(rows, tree.nodes, runs, features.keys, features.starts, weights, forest, margins)
    return Look(tree, boxes, runs, margins)


@lru_cache(maxsize=1)
def _compiled() -> Any:
    return kept(look_into)


@njit
def look_into(boxes, nodes, runs, keys, starts, weights, forest, margins):  # type: ignore[no-untyped-def]
    """Fill the runs' log-odds by both looks."""
    evidence, around = np.zeros(boxes.shape[0]), np.zeros(boxes.shape[0])
    evidence_into(boxes, keys, starts, weights[0], weights[1], evidence, around)
    places, count = np.full(runs.size, -1), 0
    for k in range(runs.size):
        if evidence[runs[k]] > HOPELESS:
            places[k] = count
            count += 1
    rows, seconds = np.empty((count, len(NAMES)), np.float32), np.empty(count)
    context_into(boxes, nodes, runs, places, evidence, around, rows)
    margins_into(rows, forest[0], forest[1], forest[2], forest[3], forest[4], seconds)
    for k in range(runs.size):
        margins[k] = seconds[places[k]] if places[k] >= 0 else evidence[runs[k]]
