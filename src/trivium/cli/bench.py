"""`trivium bench`: comparisons as commands. The scales themselves are in `trivium.bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from trivium.journey.graph import load, unknown

BENCHES = {
    "nano": "trivium.bench.nano:main",
    "corpus": "trivium.bench.corpus:main",
    "pages": "trivium.bench.pages:main",
    "classifier": "trivium.bench.classifier:main",
    "train": "trivium.bench.train:main",
}


def bench(
    name: str = "nano",
    /,
    *,
    seeds: int = 3,
    out: Path = Path("runs/bench"),
    setup: Annotated[bool, Parameter(negative=())] = False,
    warc: Path | None = None,
    annotated: Path | None = None,
    good: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    bad: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    peer: Path | None = None,
    text: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)] = (),
    depths: Annotated[tuple[int, ...], Parameter(negative=(), consume_multiple=True)] = (12, 20),
    steps: int = 15,
    batch: int = 2**19,
    rows: int = 32,
    vocabulary: int = 32768,
    device: str = "auto",
) -> int:
    """Run a comparison with its controls and write its figures to docs/benchmarks.md.

    Parameters
    ----------
    name
        nano: the whole street, several seeds, with the controls of each claim.
        corpus: quality filters and MinHash beside datatrove.
        pages: extraction beside trafilatura and resiliparse, the whole pipeline beside datatrove's.
        classifier: the quality classifier beside fastText's.
        train: pre-training beside nanochat's.
    seeds
        How many seeds (nano).
    out
        Where the runs go (nano).
    setup
        Make the peer's environment first (corpus, pages).
    warc
        A WARC file of web pages (pages); the bundled sample without one.
    annotated
        The folder of scrapinghub's article-extraction-benchmark (pages).
    good
        Sources of good documents (classifier).
    bad
        Sources of bad documents (classifier).
    peer
        The folder of a copy of nanochat (train).
    text
        Sources of documents (train).
    depths
        Numbers of blocks (train).
    steps
        Steps a side (train).
    batch
        Tokens in a step (train).
    rows
        Rows that the peer passes through its model at once (train).
    vocabulary
        Tokens of both vocabularies (train).
    device
        auto, cpu, cuda or mps (train).
    """
    if name not in BENCHES:
        raise unknown("bench", name, list(BENCHES))
    work = load(BENCHES[name])
    given: dict[str, dict[str, Any]] = {
        "nano": {"seeds": seeds, "out": out},
        "corpus": {"setup": setup},
        "pages": {"setup": setup, "warc": warc, "annotated": annotated},
        "classifier": {"good": good, "bad": bad},
        "train": {
            "peer": peer,
            "text": text,
            "depths": depths,
            "steps": steps,
            "batch": batch,
            "rows": rows,
            "vocabulary": vocabulary,
            "out": out / "train",
            "device": device,
        },
    }
    code = work(**given[name])
    return code if isinstance(code, int) else 0
