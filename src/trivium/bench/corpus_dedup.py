"""A part of `trivium bench corpus`: which near-copies our sketches find and which datatrove's MinHash, by similarity.

Copies are made from real texts by edits of every degree; how alike a pair is, is counted exactly from its 5-grams.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trivium.bench.page import table
from trivium.stages.corpus.dedup import signatures
from trivium.stages.corpus.dedup.near import MEMORY
from trivium.stages.corpus.dedup.sign import keys_of

CHILD = Path(__file__).with_name("datatrove_pairs.py")
SEEDS = tuple(range(1, 11))
BANDS, ROWS, NGRAM = 14, 8, 5
COPIES = 4
"""Of each text."""
DOCUMENTS = (10**6, 10**7)
"""Whose clusters are made to measure memory."""
WANTED = 0.8
"""From this similarity on, pairs are near-copies."""
EDGES = (0.0, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
Found = npt.NDArray[np.bool_]


def section(ask: Callable[[Mapping[str, Any]], Mapping[str, Any]], given: Sequence[str]) -> str:
    """The section in Markdown. `ask` puts a question to `datatrove_pairs.py`."""
    texts, pairs = near_copies_of(given)
    answer = ask({"texts": texts, "pairs": pairs, "seeds": SEEDS})
    ours = np.array([found(texts, pairs, seed) for seed in SEEDS])
    lines = report(np.array(answer["similar"]), ours, np.array(answer["found"]))
    return "\n".join([*lines, "", *memory_report([measured(documents) for documents in DOCUMENTS])])


def near_copies_of(given: Sequence[str]) -> tuple[list[str], list[tuple[int, int]]]:
    """Texts, and pairs of places among them: each given text, every second one cut short, with its edited copies."""
    rng = random.Random("bench corpus dedup")
    vocabulary = [word for text in given for word in text.split()]
    texts: list[str] = []
    pairs = []
    for i, text in enumerate(given):
        words = text.split()
        if i % 2:
            words = words[: rng.randrange(30, 300)]
        base = len(texts)
        texts.append(" ".join(words))
        for _ in range(COPIES):
            pairs.append((base, len(texts)))
            texts.append(" ".join(edited(words, vocabulary, rng)))
    return texts, pairs


def edited(words: Sequence[str], vocabulary: Sequence[str], rng: random.Random) -> list[str]:
    """A copy, edited in one of three ways, to a degree that is drawn: single words are changed, left out or put in;
    passages are replaced; or the end is left out.
    """
    way, degree = rng.choice(("words", "words", "passages", "end")), rng.uniform(0, 0.35)
    if way == "end":
        return list(words[: max(round(len(words) * (1 - degree)), 1)])
    length = 1 if way == "words" else rng.randrange(5, 40)
    copy: list[str] = []
    at = 0
    while at < len(words):
        if rng.random() < degree / (length + 4):  # an edit touches four 5-grams besides its own
            new = rng.choices(vocabulary, k=length)
            copy += rng.choice((new, [], [*new, words[at]]))
            at += length
        else:
            copy.append(words[at])
            at += 1
    return copy


def found(texts: Sequence[str], pairs: Sequence[tuple[int, int]], seed: int) -> list[bool]:
    """For each pair whether it shares a band of ours."""
    keys = keys_of(signatures(texts, BANDS * ROWS, NGRAM, seed), BANDS)
    return [bool((keys[:, a] == keys[:, b]).any()) for a, b in pairs]


def report(similar: npt.NDArray[np.float64], ours: Found, theirs: Found) -> list[str]:
    """Lines: shares of pairs found (seeds, pairs) by similarity (pairs,), and of all from WANTED on."""
    rows = []
    for low, high in pairwise(EDGES):
        inside = (similar >= low) & ((similar < high) | (high == 1.0))
        if inside.any():
            chance = (1 - (1 - similar[inside] ** ROWS) ** BANDS).mean()
            shares = [f"{100 * share:.1f} %" for share in (ours[:, inside].mean(), theirs[:, inside].mean(), chance)]
            rows.append([f"{low:.2f} to {high:.2f}", f"{inside.sum():,}", *shares])
    near = similar >= WANTED
    lines = [
        f"Near-copies found: {len(similar):,} pairs of a text and its edited copy, {len(ours)} seeds each, by the",
        "exact Jaccard index s of their word 5-grams (words as datatrove simplifies them); chance is 1 - (1 - s^8)^14:",
        "",
        *table(["similarity", "pairs", "trivium", "datatrove", "by chance"], rows),
    ]
    if near.any():
        gains = (ours[:, near].astype(int) - theirs[:, near]).mean(axis=0)
        lines += [
            "",
            f"Of the {near.sum():,} pairs from {WANTED} on, trivium finds {100 * ours[:, near].mean():.2f} % and "
            f"datatrove {100 * theirs[:, near].mean():.2f} %;",
            f"the difference is {100 * gains.mean():+.2f} points, standard error over pairs "
            f"{100 * gains.std() / len(gains) ** 0.5:.2f}.",
        ]
    return lines


def measured(documents: int) -> dict[str, float]:
    """What `dedup_memory.py` says of so many documents, in a fresh process."""
    command = [sys.executable, "-m", "trivium.bench.dedup_memory", str(documents), str(MEMORY)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {"documents": documents, **figures}


def memory_report(figures: Sequence[Mapping[str, float]]) -> list[str]:
    """Lines: the clusters of drawn keys in bounded memory."""
    rows = [
        [f"{one['documents']:,.0f}", *(f"{one[name] / 2**20:,.0f}" for name in ("before", "peak"))]
        + [f"{one['seconds']:,.1f}", f"{one['copies']:,.0f} of {one['documents'] // 10:,.0f}"]
        for one in figures
    ]
    return [
        f"Clusters from drawn keys (14 bands, every tenth document a copy), {MEMORY // 2**20} MiB for keys and sort:",
        "resident memory of a fresh process before, and at its highest:",
        "",
        *table(["documents", "MiB before", "MiB at peak", "CPU seconds", "copies found"], rows),
    ]
