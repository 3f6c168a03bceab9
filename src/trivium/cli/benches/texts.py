"""Comparisons of what happens to text: the corpus, its rules, tokenizers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trivium.cli.benches.scales import FLAG, MANY, app, given, weigh


@app.command
def corpus(*, setup: Annotated[bool, FLAG] = False) -> int:
    """Quality filters and MinHash beside datatrove.

    Parameters
    ----------
    setup
        Make the peer's environment first.
    """
    return weigh("trivium.bench.corpus:main", setup=setup)


@app.command
def pages(*, setup: Annotated[bool, FLAG] = False, warc: Path | None = None, annotated: Path | None = None) -> int:
    """Extraction beside trafilatura and resiliparse, the whole pipeline beside datatrove's.

    Parameters
    ----------
    setup
        Make the peers' environments first.
    warc
        A WARC file of web pages; the bundled sample without one.
    annotated
        The folder of scrapinghub's article-extraction-benchmark.
    """
    return weigh("trivium.bench.pages:main", setup=setup, warc=warc, annotated=annotated)


@app.command
def classifier(*, good: Annotated[tuple[str, ...], MANY] = (), bad: Annotated[tuple[str, ...], MANY] = ()) -> int:
    """The quality classifier beside fastText's.

    Parameters
    ----------
    good
        Sources of good documents.
    bad
        Sources of bad documents.
    """
    return weigh("trivium.bench.classifier:main", good=good, bad=bad)


@app.command
def tokenizer(
    *, text: Annotated[tuple[Path, ...], MANY] = (), megabytes: int | None = None, vocabulary: int | None = None
) -> int:
    """Training and bulk encoding beside tokenizers, rustbpe and tiktoken.

    Parameters
    ----------
    text
        Files of documents: JSON lines, Parquet, plain text; the bundled sample without any.
    megabytes
        Of the files, so much text.
    vocabulary
        Tokens of the vocabularies.
    """
    return weigh("trivium.bench.tokens.speed:main", **given(text=text, megabytes=megabytes, vocabulary=vocabulary))


@app.command
def digits(
    *,
    text: Annotated[tuple[Path, ...], MANY] = (),
    megabytes: int | None = None,
    vocabulary: int | None = None,
    seeds: int = 3,
    size: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    device: str = "auto",
    out: Path = Path("runs/bench"),
) -> int:
    """The same small model behind tokenizers of one, two and three digits a token.

    Parameters
    ----------
    text
        Files of documents: JSON lines, Parquet, plain text; the bundled sample without any.
    megabytes
        Of the files, so much text.
    vocabulary
        Tokens of a vocabulary.
    seeds
        How many.
    size
        A size of the model or of its training, as <field>=<value>: steps=2000. May be repeated.
    device
        auto, cpu, cuda or mps.
    out
        Where the models' figures go.
    """
    sizes = given(megabytes=megabytes, vocabulary=vocabulary)
    return weigh("trivium.bench.tokens.digits:main", text=text, seeds=seeds, out=out, size=size, device=device, **sizes)
