"""`trivium bench classifier --good A --bad B`: our quality classifier beside fastText, on the same documents.

The peer runs in datatrove's environment (`trivium bench corpus --setup` makes it), as a child that times itself.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from trivium.bench.page import machine, table, write_section
from trivium.bench.pages import output
from trivium.ground.cache import cache
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.stages.corpus.classifier.model import judge
from trivium.stages.corpus.classifier.train import auc, fit, texts_of

DOCS = Path("docs/benchmarks.md")
CHILD = Path(__file__).with_name("fasttext_peer.py")
CHARACTERS, FEWEST = 10_000, 300
"""Of a document at most, and at least."""
TESTED = 3
"""Every third document is for testing."""


def main(good: Sequence[str] = (), bad: Sequence[str] = (), rounds: int = 3, docs: Path = DOCS) -> int:
    """Measure, print, and write the section `classifier` of the benchmarks. Raises UsageError without the peer."""
    python = cache() / "peers" / "datatrove" / "bin" / "python"
    if not python.is_file():
        raise UsageError("fastText is not here.", "Make datatrove's environment: trivium bench corpus --setup")
    if not good or not bad:
        raise UsageError("Two piles of documents are needed.", "trivium bench classifier --good A --bad B")
    quiet = How(progress=False)
    labelled = [
        (label, text[:CHARACTERS])
        for label, sources in ((1, good), (0, bad))
        for text in texts_of(sources, quiet)
        if len(text) >= FEWEST
    ]
    order = np.random.default_rng(0).permutation(len(labelled))
    test = [labelled[i] for i in order[::TESTED]]
    train = [labelled[i] for k, i in enumerate(order) if k % TESTED]
    labels = np.array([label for label, _ in test])
    sides: dict[str, dict[str, Any]] = {"trivium": {}, "fastText (DCLM's recipe)": {}}
    own, peer = sides.values()
    fit([text for _, text in train[:20]], np.array([float(label) for label, _ in train[:20]]))  # compiles
    for _ in range(rounds):
        add(own, ours(train, [text for _, text in test]))
        given = json.dumps({"train": train, "test": [text for _, text in test]})
        add(peer, json.loads(output([str(python), str(CHILD)], given)))
    rows = []
    for name, side in sides.items():
        scores = np.array(side["scores"])
        right = auc(scores[labels == 1], scores[labels == 0])
        speed, training = len(test) / median(side["score"]), median(side["train"])
        ratio = median(peer["score"]) / median(side["score"])
        rows.append([name, f"{right:.3f}", f"{speed:,.0f}", f"{ratio:.1f}x", f"{training:.1f}"])
    pos = sum(label for label, _ in labelled)
    lines = [
        f"`trivium bench classifier`, {date.today().isoformat()}, {machine()}, Python {platform.python_version()};",
        f"CPU seconds of one process, medians of {rounds} turns; {len(labelled):,} documents ({pos:,} good),",
        f"{len(test):,} held out, {np.mean([len(text) for _, text in test]):,.0f} characters on average.",
        "",
        *table(["classifier", "AUC", "documents/s", "ratio", "training, s"], rows),
    ]
    write_section(docs, "classifier", "\n".join(lines))
    print("\n".join(lines))
    return 0


def ours(train: list[tuple[int, str]], test: list[str]) -> dict[str, Any]:
    """Our seconds of training and of scoring, and the scores."""
    started = time.process_time()
    classifier = fit([text for _, text in train], np.array([float(label) for label, _ in train]))
    chance = judge(classifier)
    chance("compiled outside the clock")
    trained = time.process_time()
    scores = [chance(text) for text in test]
    return {"train": trained - started, "score": time.process_time() - trained, "scores": scores}


def add(side: dict[str, Any], answer: dict[str, Any]) -> None:
    """Another turn's seconds; the scores are the same in all turns."""
    side.setdefault("train", []).append(answer["train"])
    side.setdefault("score", []).append(answer["score"])
    side["scores"] = answer["scores"]
