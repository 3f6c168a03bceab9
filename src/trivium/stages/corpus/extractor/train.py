"""Train the extractor on pages with their main content: logistic regression for the first look, trees for the second.

A page is a JSON line: `html`, and `text` (its main content) or `texts` (pairs of a share and a text: what several
extractors or annotators made of it, as votes); `must_keep` and `must_drop`, lists of snippets, overrule them. The trees
are fitted on evidence from weights that have not seen the page (stacking, Wolpert 1992). Needs scikit-learn.
"""

from __future__ import annotations

import html as html_entities
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.progress import Progress
from trivium.stages.corpus.extractor import model as models
from trivium.stages.corpus.extractor.boxes import NODE, UP, WORDS, Boxes, boxes_of
from trivium.stages.corpus.extractor.context import NAMES, context_into
from trivium.stages.corpus.extractor.evidence import FAMILIES, evidence_into, features_of
from trivium.stages.corpus.extractor.nest import END, SPACED, START
from trivium.stages.corpus.extractor.parse import Tree, parse
from trivium.stages.corpus.kernels import kept

FOLDS = 4
EPOCHS, RATE, DECAY = 6, 0.05, 1e-4
LEAST_PAGES = 8
"""Pages that must have a feature for it to be learned."""
LEAST_WEIGHT = 0.02
"""Smaller weights are left out of the file."""
TREES, LEAVES, TREE_RATE, LEAST_RUNS = 200, 15, 0.1, 40
LEAST_MARGIN = 0.0
"""Log-odds from which a run is kept: likelier than not, where held-out precision and recall are about equal."""
_TOKEN = re.compile(r"\w+")
_SPACE = re.compile(r"\s+")


class Example(NamedTuple):
    """A page to learn from: its runs' labels (1: content) and how much each counts, by box."""

    tags: npt.NDArray[np.int32]
    boxes: npt.NDArray[np.int32]
    keys: npt.NDArray[np.uint64]
    names: dict[int, tuple[str, str]]
    starts: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int8]
    counts: npt.NDArray[np.float64]


def train(pages: Path, out: Path, how: How) -> dict[str, float]:
    """Write a model's two files to `out`. What comes back: pages, runs and how many labels it gets right."""
    examples = list(examples_of(pages, how))
    order = np.arange(len(examples)) % FOLDS
    rows, labels, counts = [], [], []
    for fold in range(FOLDS):
        weights = first_look([examples[i] for i in np.flatnonzero(order != fold)])
        for i in np.flatnonzero(order == fold):
            runs, row = context_of(examples[i], weights)
            rows.append(row)
            labels.append(examples[i].labels[runs])
            counts.append(examples[i].counts[runs])
    table, wanted, count = np.concatenate(rows), np.concatenate(labels), np.concatenate(counts)
    forest, right = fit_forest(table, wanted, count)
    out.mkdir(parents=True, exist_ok=True)
    models.write_weights(out / models.EVIDENCE, first_look(examples))
    (out / models.FOREST).write_text(json.dumps(forest))
    return {"pages": len(examples), "runs": len(wanted), "right": right}


def examples_of(pages: Path, how: How) -> Iterator[Example]:
    """The pages of a file as examples, one after the other."""
    with pages.open(encoding="utf-8") as lines, Progress("reading pages", pages.stat().st_size / 1e6, "MB", how) as bar:
        for line in lines:
            row = json.loads(line)
            texts = row.get("texts") or [[1.0, row["text"]]]
            yield example_of(row["html"], texts, row.get("must_keep", ()), row.get("must_drop", ()))
            bar.advance(len(line) / 1e6)


def example_of(
    html: str, texts: Sequence[tuple[float, str]], must_keep: Iterable[str] = (), must_drop: Iterable[str] = ()
) -> Example:
    """A page with labels: a run is content where most of the votes cover most of its words."""
    tree = parse(html.encode("utf-8", "replace"))
    boxes = boxes_of(tree)
    features = features_of(tree, boxes)
    shares, sure = _shares(tree, boxes, [(share, Wanted(text)) for share, text in texts], must_keep, must_drop)
    rows = boxes.boxes
    labels = (shares > 0.5).astype(np.int8)
    total = max(int((rows[:, WORDS] * labels).sum()), 30)
    weight = np.minimum(rows[:, WORDS] * sure / total, 0.5) + 0.003
    counts = np.where(shares >= 0, 10 * weight * np.abs(2 * np.clip(shares, 0, 1) - 1), 0.0)
    tags_of = np.where(rows[:, NODE] >= 0, tree.nodes[np.maximum(rows[:, NODE], 0), 0], 0).astype(np.int32)
    names = dict(zip(features.keys.tolist(), map(_namer(tree), features.names.tolist()), strict=True))
    return Example(tags_of, rows, features.keys, names, features.starts, labels, counts)


class Wanted:
    """One vote: a text, and how much of a run's words it has."""

    def __init__(self, text: str) -> None:
        tokens = _TOKEN.findall(text)
        self._text = f" {' '.join(tokens)} "
        self._lines = {" ".join(_TOKEN.findall(line)) for line in text.splitlines()}
        self._grams = {tuple(tokens[i : i + 4]) for i in range(len(tokens) - 3)}

    def cover(self, tokens: list[str]) -> float:
        """The share of words in 4-grams that the text has; of up to three words, whether they are a line of it."""
        if len(tokens) < 4:
            joined = " ".join(tokens)
            return 1.0 if joined in self._lines else 0.6 if len(tokens) == 3 and f" {joined} " in self._text else 0.0
        covered = np.zeros(len(tokens), np.bool_)
        for i in range(len(tokens) - 3):
            if tuple(tokens[i : i + 4]) in self._grams:
                covered[i : i + 4] = True
        return float(covered.mean())


def _shares(
    tree: Tree, boxes: Boxes, votes: list[tuple[float, Wanted]], keep: Iterable[str], drop: Iterable[str]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """By box: the share of votes for a run (-1: no run with words), and how much surer than a vote it is."""
    nodes: dict[int, list[str]] = {}
    for i in np.flatnonzero(boxes.run_of >= 0):
        node = tree.nodes[i]
        text = tree.page[node[START] : node[END]].tobytes().decode("utf-8", "replace")
        nodes.setdefault(int(boxes.run_of[i]), []).append((" " if node[SPACED] or boxes.breaks[i] else "") + text)
    shares, sure = np.full(len(boxes.boxes), -1.0), np.ones(len(boxes.boxes))
    keep, drop = [_SPACE.sub(" ", text).strip() for text in keep], [_SPACE.sub(" ", text).strip() for text in drop]
    for run, texts in nodes.items():
        text = _SPACE.sub(" ", html_entities.unescape("".join(texts))).strip()
        tokens = _TOKEN.findall(text)
        if not tokens or not boxes.boxes[run, WORDS]:
            continue
        shares[run] = sum(share * vote.cover(tokens) for share, vote in votes) / sum(share for share, _ in votes)
        if any(snippet in text or (len(text) > 30 and text in snippet) for snippet in keep):
            shares[run], sure[run] = max(shares[run], 0.9), 2.0
        if any(snippet in text and len(snippet) > 0.3 * len(text) for snippet in drop):
            shares[run], sure[run] = min(shares[run], 0.1), 2.0
    return shares, sure


def _namer(tree: Tree) -> Any:
    """From a row of `Features.names` to the feature's name."""

    @cache
    def number(family: int, packed: int) -> tuple[str, str]:
        return FAMILIES[family][0], models.name_of(family, packed)

    def name(row: list[int]) -> tuple[str, str]:
        family, start, end = row
        if end < 0:
            return number(family, start)
        word = tree.page[start:end].tobytes()
        return FAMILIES[family][0], bytes(b | 32 if 65 <= b <= 90 else b for b in word).decode("utf-8", "replace")

    return name


def first_look(examples: Sequence[Example]) -> models.Weights:
    """Weights by logistic regression (AdaGrad, the mean of the later half of the epochs)."""
    seen: Counter[tuple[str, str]] = Counter()
    for example in examples:
        seen.update(set(example.names.values()))
    known = sorted(name for name, pages in seen.items() if pages >= LEAST_PAGES and "\ufffd" not in name[1])
    place = {models.key_of_name(*name): i for i, name in enumerate(known)}
    ids = [np.array([place.get(key, -1) for key in example.keys.tolist()], np.int32) for example in examples]
    weights, squares, mean = np.zeros(len(known)), np.ones(len(known)), np.zeros(len(known))
    draw = np.random.default_rng(0)
    step = kept(step_into)
    for epoch in range(EPOCHS):
        for i in draw.permutation(len(examples)):
            example = examples[i]
            step(example.boxes, ids[i], example.starts, example.labels, example.counts, weights, squares)
        if epoch >= EPOCHS // 2:
            mean += weights / (EPOCHS - EPOCHS // 2)
    return {name: round(float(w), 2) for name, w in zip(known, mean, strict=True) if abs(w) >= LEAST_WEIGHT}


@njit
def step_into(boxes, ids, starts, labels, counts, weights, squares):  # type: ignore[no-untyped-def]
    """One page's step of gradient descent on the weights, in place."""
    size = boxes.shape[0]
    evidence, around, slope = np.zeros(size), np.zeros(size), np.zeros(size)
    for i in range(size):
        total = around[boxes[i, UP]] if i else 0.0
        for j in range(starts[i], starts[i + 1]):
            if ids[j] >= 0:
                total += weights[ids[j]]
        evidence[i] = around[i] = total
        if boxes[i, NODE] < 0:
            slope[i] = (labels[i] - 1 / (1 + np.exp(-total))) * counts[i]
    for i in range(size - 1, 0, -1):
        slope[boxes[i, UP]] += slope[i]
    for i in range(size):
        if slope[i] == 0:
            continue
        for j in range(starts[i], starts[i + 1]):
            k = ids[j]
            if k >= 0:
                gradient = slope[i] - DECAY * weights[k]
                squares[k] += gradient * gradient
                weights[k] += RATE * gradient / np.sqrt(squares[k])


def context_of(example: Example, weights: models.Weights) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """A page's runs with words, and their rows for the trees."""
    keys, values = _table(tuple(sorted(weights.items())))
    size = len(example.boxes)
    runs = np.flatnonzero((example.boxes[:, NODE] < 0) & (example.boxes[:, WORDS] > 0))
    evidence, around = np.zeros(size), np.zeros(size)
    kept(evidence_into)(example.boxes, example.keys, example.starts, keys, values, evidence, around)
    rows = np.empty((len(runs), len(NAMES)), np.float32)
    nodes = np.zeros((size, 1), np.int32)
    nodes[:, 0] = example.tags
    boxes = example.boxes.copy()
    boxes[:, NODE] = np.where(boxes[:, NODE] >= 0, np.arange(size), -1)
    kept(context_into)(boxes, nodes, runs, np.arange(len(runs)), evidence, around, rows)
    return runs, rows


@lru_cache(maxsize=1)
def _table(weights: tuple[tuple[tuple[str, str], float], ...]) -> Any:
    return models.table(dict(weights))


def fit_forest(
    rows: npt.NDArray[np.float32], labels: npt.NDArray[np.int8], counts: npt.NDArray[np.float64]
) -> tuple[dict[str, Any], float]:
    """The trees as lists of numbers (see `forest.py`), and the share of labels, as they count, that they get right."""
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
    except ImportError:
        raise UsageError(
            "Training the extractor needs scikit-learn.", "Install it: pip install 'trivium[extractor]'"
        ) from None

    trees = HistGradientBoostingClassifier(
        max_iter=TREES,
        max_leaf_nodes=LEAVES,
        learning_rate=TREE_RATE,
        l2_regularization=1.0,
        min_samples_leaf=LEAST_RUNS,
        early_stopping=False,
        random_state=0,
    ).fit(rows, labels, sample_weight=counts / counts.mean())
    roots: list[int] = []
    features: list[int] = []
    values: list[float] = []
    children: list[int] = []

    def leaf() -> int:
        features.append(0)
        values.append(0.0)
        children.append(0)
        return len(features) - 1

    for (tree,) in trees._predictors:
        roots.append(leaf())
        waiting = [(0, roots[-1])]
        while waiting:
            at, row = waiting.pop()
            node = tree.nodes[at]
            if node["is_leaf"]:
                values[row] = float(f"{node['value']:.5g}")
                continue
            features[row], values[row] = int(node["feature_idx"]), float(f"{node['num_threshold']:.6g}")
            children[row] = leaf()
            waiting += [(int(node["left"]), children[row]), (int(node["right"]), leaf())]
    right = trees.score(rows, labels, sample_weight=counts)
    forest = {
        "least": LEAST_MARGIN,
        "base": float(trees._baseline_prediction.ravel()[0]),
        "roots": roots,
        "features": features,
        "values": values,
        "children": children,
    }
    return forest, round(float(right), 4)
