"""`trivium bench`: comparisons as commands. The scales themselves are in `trivium.bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from trivium.journey.graph import load, unknown

BENCHES = {
    "nano": ("trivium.bench.nano:main", ("seeds", "out")),
    "corpus": ("trivium.bench.corpus:main", ("setup",)),
    "pages": ("trivium.bench.pages:main", ("setup", "warc", "annotated")),
    "classifier": ("trivium.bench.classifier:main", ("good", "bad")),
    "tokenizer": ("trivium.bench.tokens.speed:main", ("text", "megabytes", "vocabulary")),
    "digits": (
        "trivium.bench.tokens.digits:main",
        ("text", "megabytes", "vocabulary", "seeds", "out", "size", "device"),
    ),
}
"""Each bench, and which of the options it takes."""


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
    text: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    megabytes: int | None = None,
    vocabulary: int | None = None,
    size: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    device: str = "auto",
) -> int:
    """Run a comparison with its controls and write its figures to docs/benchmarks.md.

    Parameters
    ----------
    name
        nano: the whole street, several seeds, with the controls of each claim. corpus: quality filters and MinHash
        beside datatrove. pages: extraction, and the whole pipeline, beside trafilatura's, resiliparse's, datatrove's.
        classifier: beside fastText's. tokenizer: training and bulk encoding beside tokenizers, rustbpe and tiktoken.
        digits: the same small model behind tokenizers of one, two and three digits a token.
    seeds
        How many seeds (nano, digits).
    out
        Where the runs go (nano, digits).
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
    text
        Files of documents (tokenizer, digits): JSON lines, Parquet, plain text; the bundled sample without any.
    megabytes
        Of the files, so much text (tokenizer, digits).
    vocabulary
        Tokens of a vocabulary (tokenizer, digits).
    size
        A size of the model or of its training, as <field>=<value> (digits): steps=2000. May be repeated.
    device
        auto, cpu, cuda or mps (digits).
    """
    if name not in BENCHES:
        raise unknown("bench", name, list(BENCHES))
    given: dict[str, Any] = dict(locals())
    target, takes = BENCHES[name]
    code = load(target)(**{option: given[option] for option in takes if given[option] is not None})
    return code if isinstance(code, int) else 0
