"""Train a quality classifier on good and bad documents, and measure it on some that it has not seen.

The recipe of DCLM's fastText filter (arXiv 2406.11794): positives of the quality one wants, negatives from one's own
crawl, a linear model on words and pairs of words. The yardsticks are printed with it, since a score is only as good as
its two piles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.progress import Progress
from trivium.stages.corpus.classifier.model import MOST_BYTES, Classifier, bytes_of, judge
from trivium.stages.corpus.classifier.ngrams import BITS, learn_from
from trivium.stages.corpus.config import ScoreConfig
from trivium.stages.corpus.extract import Unreadable, decode, main_text, tidy
from trivium.stages.corpus.kernels import kept
from trivium.stages.corpus.sources.find import find, read

EPOCHS, RATE = 10, 0.5
HELD_OUT = 0.2
"""Share of the documents on which the classifier is measured, drawn by hash of the text."""
FEWEST = 20
"""Documents of each pile, at least."""
DRAWS = 500
"""Of the bootstrap."""
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Of bad documents kept, for the table of thresholds."""


def train(good: Sequence[str], bad: Sequence[str], out: Path, how: How) -> dict[str, Any]:
    """Read both piles (any sources), train, write `out`, and give the figures back.

    Raises UsageError where a pile has fewer than FEWEST different documents, or both share one.
    """
    piles = [list(texts_of(sources, how)) for sources in (good, bad)]
    if shared := set(piles[0]) & set(piles[1]):
        raise UsageError(
            f"{len(shared)} documents are both good and bad, e.g. {min(shared)[:60]!r}.", "Take them out of one pile."
        )
    for name, pile in zip(("good", "bad"), piles, strict=True):
        if len(pile) < FEWEST:
            raise UsageError(f"Only {len(pile)} {name} documents.", f"Give at least {FEWEST}; some thousands are good.")
    texts = [*piles[0], *piles[1]]
    labels = np.array([1.0] * len(piles[0]) + [0.0] * len(piles[1]))
    held = np.array([is_held_out(text) for text in texts])
    classifier = fit([t for t, h in zip(texts, held, strict=True) if not h], labels[~held])
    figures = measure(classifier, [t for t, h in zip(texts, held, strict=True) if h], labels[held])
    figures = {"good": len(piles[0]), "bad": len(piles[1]), **figures}
    Classifier(classifier.weights, classifier.bias, figures).save(out)
    return figures


def texts_of(sources: Sequence[str], how: How) -> Iterator[str]:
    """The different texts of sources, pages extracted; what has none is left out."""
    config, seen = ScoreConfig(), set()
    found = find(tuple(sources))
    with Progress("reading documents", sum(source.size() for source in found) / 1e6, "MB", how) as bar:
        for source in found:
            at = 0
            for page in read(source, config.max_bytes, config.text_field, config.piece_characters):
                bar.advance((page.position - at) / 1e6)
                at = page.position
                how.stop.check("while reading documents")
                try:
                    text = "" if page.failed else decode(page.body, page.charset)[0]
                    text = tidy(text) if page.kind == "text" else main_text(text)
                except Unreadable:
                    continue
                if text and text not in seen:
                    seen.add(text)
                    yield text


def is_held_out(text: str) -> bool:
    """Whether a text is for measuring: by its hash, so that the same text always is."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:7], "big") / 2**56 < HELD_OUT


def fit(texts: Sequence[str], labels: npt.NDArray[np.float64]) -> Classifier:
    """Logistic regression by stochastic gradient descent, the rate falling to zero; both piles weigh the same."""
    weights, bias = np.zeros(1 << BITS, np.float32), np.zeros(1, np.float32)
    places, step, draw = np.empty(MOST_BYTES + 2, np.uint32), kept(learn_from), np.random.default_rng(0)
    given = [bytes_of(text) for text in texts]
    shares = np.where(labels > 0.5, 0.5 / max(labels.mean(), 1e-9), 0.5 / max(1 - labels.mean(), 1e-9))
    for epoch in range(EPOCHS):
        rate = RATE * (1 - epoch / EPOCHS)
        for i in draw.permutation(len(given)):
            step(given[i], places, weights, bias, labels[i], rate * min(shares[i], 10.0))
    return Classifier(weights, float(bias[0]), {})


def measure(classifier: Classifier, texts: Sequence[str], labels: npt.NDArray[np.float64]) -> dict[str, Any]:
    """On held-out documents: AUC with its 95 % interval, and what a threshold keeps of each pile."""
    chance = judge(classifier)
    scores = np.array([chance(text) for text in texts])
    good, bad = scores[labels > 0.5], scores[labels <= 0.5]
    if not len(good) or not len(bad):
        return {"held_out": len(texts), "auc": None, "interval": None, "thresholds": []}
    draw = np.random.default_rng(0)
    drawn = [auc(draw.choice(good, len(good)), draw.choice(bad, len(bad))) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    thresholds = []
    for share in SHARES:
        least = float(np.quantile(bad, 1 - share))
        thresholds.append({"least": round(least, 4), "bad": share, "good": round(float((good > least).mean()), 4)})
    return {
        "held_out": len(texts),
        "auc": round(auc(good, bad), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "thresholds": thresholds,
    }


def auc(good: npt.NDArray[np.float64], bad: npt.NDArray[np.float64]) -> float:
    """The chance that a good document scores above a bad one (a tie is half)."""
    ordered = np.sort(bad)
    below = np.searchsorted(ordered, good, "left") + np.searchsorted(ordered, good, "right")
    return float(below.mean() / 2 / len(bad))
