"""The second look: each run among its neighbours and inside its boxes, as numbers for the trees of `forest.py`."""

from __future__ import annotations

import numpy as np
from numba import njit

from trivium.stages.corpus.extractor.boxes import BYTES, COMMAS, DIGITS, LINKED, LONG, MARKS, NODE, RUNS, UP, WORDS
from trivium.stages.corpus.extractor.nest import TAG

LEVELS, REACH = 5, 3
"""Boxes around a run that are looked at, and runs before and after it."""
FADES = (0.7, 0.9)
"""How much of the evidence of a further neighbour counts, one step away to the next."""
CLIP = 4.0
"""Log-odds beyond which evidence is no stronger in a sum."""
NAMES = (
    "words",
    "links",
    "commas",
    "digits",
    "marks",
    "bytes a word",
    "evidence",
    *(
        f"box {level}: {what}"
        for level in range(1, LEVELS + 1)
        for what in (
            "words", "links", "commas", "long", "tag", "runs", "of page", "evidence a word", "likely", "around", "own",
            "of likely",
        )
    ),
    *(
        f"run {step:+d}: {what}"
        for step in (*range(-REACH, 0), *range(1, REACH + 1))
        for what in ("words", "links", "evidence", "tag", "marks")
    ),
    "place",
    "place in likely",
    "page: words",
    "page: likely words",
    "page: likely",
    *(f"evidence {where} at {fade}" for fade in FADES for where in ("before", "after")),
)  # fmt: skip
"""The columns."""
FADING = len(NAMES) - 2 * len(FADES)


@njit
def _sums(boxes, evidence):  # type: ignore[no-untyped-def]
    """Over each box's runs: clipped evidence times words, and the words whose evidence is positive."""
    weighed, likely = np.zeros(boxes.shape[0]), np.zeros(boxes.shape[0])
    for i in range(boxes.shape[0] - 1, -1, -1):
        if boxes[i, NODE] < 0:
            weighed[i] = min(max(evidence[i], -CLIP), CLIP) * boxes[i, WORDS]
            likely[i] = boxes[i, WORDS] if evidence[i] > 0 else 0
        if i:
            weighed[boxes[i, UP]] += weighed[i]
            likely[boxes[i, UP]] += likely[i]
    return weighed, likely


@njit
def _fading(boxes, runs, places, weighed, rows):  # type: ignore[no-untyped-def]
    """The mean evidence a word of the runs before and after each, the nearer the more."""
    for f in range(len(FADES)):
        for side in range(2):
            total = words = 0.0
            for k in range(runs.size):
                at = k if side == 0 else runs.size - 1 - k
                if places[at] >= 0:
                    rows[places[at], FADING + 2 * f + side] = total / words if words > 0 else 0.0
                total = total * FADES[f] + weighed[runs[at]]
                words = words * FADES[f] + boxes[runs[at], WORDS]


@njit
def _inside(boxes, nodes, box, evidence, around, weighed, likely, row, at):  # type: ignore[no-untyped-def]
    """Twelve columns of a box around a run."""
    words = max(boxes[box, WORDS], 1)
    row[at] = np.log1p(boxes[box, WORDS])
    row[at + 1] = boxes[box, LINKED] / words
    row[at + 2] = boxes[box, COMMAS] / words
    row[at + 3] = boxes[box, LONG] / words
    row[at + 4] = nodes[boxes[box, NODE], TAG]
    row[at + 5] = np.log1p(boxes[box, RUNS])
    row[at + 6] = boxes[box, BYTES] / max(boxes[0, BYTES], 1)
    row[at + 7] = weighed[box] / words
    row[at + 8] = likely[box] / words
    row[at + 9] = around[box]
    row[at + 10] = evidence[box]
    row[at + 11] = likely[box] / max(likely[0], 1.0)


@njit
def context_into(boxes, nodes, runs, places, evidence, around, rows):  # type: ignore[no-untyped-def]
    """Fill the rows of runs, each at its place (below 0: it has none); columns are NAMES."""
    weighed, likely = _sums(boxes, evidence)
    page_words, seen, seen_likely = max(boxes[0, WORDS], 1), 0, 0.0
    for k in range(runs.size):
        i = runs[k]
        seen += boxes[i, WORDS]
        seen_likely += likely[i]
        if places[k] < 0:
            continue
        row = rows[places[k]]
        words = max(boxes[i, WORDS], 1)
        row[0] = np.log1p(boxes[i, WORDS])
        row[1] = boxes[i, LINKED] / words
        row[2] = boxes[i, COMMAS]
        row[3] = boxes[i, DIGITS] / words
        row[4] = boxes[i, MARKS]
        row[5] = boxes[i, BYTES] / words
        row[6] = evidence[i]
        at, box = 7, i
        for _ in range(LEVELS):
            box = boxes[box, UP]
            _inside(boxes, nodes, box, evidence, around, weighed, likely, row, at)
            at += 12
        for step in range(-REACH, REACH + 1):
            if step == 0:
                continue
            if 0 <= k + step < runs.size:
                near = runs[k + step]
                row[at] = np.log1p(boxes[near, WORDS])
                row[at + 1] = boxes[near, LINKED] / max(boxes[near, WORDS], 1)
                row[at + 2] = evidence[near]
                row[at + 3] = nodes[boxes[boxes[near, UP], NODE], TAG]
                row[at + 4] = boxes[near, MARKS]
            else:
                row[at : at + 5] = -9
            at += 5
        row[at] = seen / page_words
        row[at + 1] = seen_likely / max(likely[0], 1.0)
        row[at + 2] = np.log1p(boxes[0, WORDS])
        row[at + 3] = np.log1p(likely[0])
        row[at + 4] = likely[0] / page_words
    _fading(boxes, runs, places, weighed, rows)
