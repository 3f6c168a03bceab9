"""Tokens, not letters.

A model never sees text: it sees ids. Byte-pair encoding starts from the 256 bytes, cuts the documents into words by a
regex and joins the most frequent neighbours, again and again, until the vocabulary is full. What came often became one
token; what came rarely stays in pieces, down to single bytes, so any text can be encoded and comes back byte for byte.
The regex decides how numbers are cut: with one digit a token, a sum's digits stay aligned.
Here: count the words of the selected training documents, learn merges from the counts, save for tiktoken and Hugging
Face alike, and measure what came out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.errors import ArtifactError
from trivium.ground.how import How
from trivium.ground.progress import tracked
from trivium.stages.tokenizer.config import FORMAT, STAGE, TokenizerConfig
from trivium.stages.tokenizer.stats import measure
from trivium.text.document import Document, count_documents, read_documents
from trivium.text.patterns import DIGITS
from trivium.text.tokenizer import SPECIALS, Tokenizer


def label_of(config: TokenizerConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal."""
    return Label("tokenizer", STAGE, FORMAT, config, parents_of(inputs))


def run(config: TokenizerConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Train on `inputs["selected"]`'s training documents and seal the tokenizer with its statistics at `out`.

    Raises ArtifactError when the documents are too few for the vocabulary, Stopped when asked to stop.
    """
    facts: dict[str, float] = {}
    with sealing(out, label_of(config, inputs), facts) as folder:
        documents = _reader(inputs["selected"], "train.parquet", "count words", how)
        tokenizer, account = learn((document.text for document in documents), config, how, folder)
        tokenizer.save(folder)
        how.stop.check("before the tokenizer was measured")
        stats = measure(
            tokenizer,
            {
                name: _reader(inputs["selected"], f"{name}.parquet", f"measure on {name}", how)
                for name in ("train", "heldout")
            },
        )
        write_json(folder / "stats.json", {**stats, "training": account})
        facts |= {
            "vocabulary": tokenizer.size,
            "bytes_per_token": stats["train"]["bytes_per_token"] or 0.0,
            "unused": stats["unused"]["count"],
            **{name: account[name] for name in ("words", "spills", "dropped_words", "peak_bytes")},
        }
    return open_artifact(out, "tokenizer")


def train(texts: Iterable[str], config: TokenizerConfig) -> Tokenizer:
    """A tokenizer of exactly `config.vocabulary` ids; deterministic in the texts.

    Raises ArtifactError when the texts hold too few different words for so many merges.
    """
    return learn(texts, config, How(progress=False))[0]


def learn(
    texts: Iterable[str], config: TokenizerConfig, how: How, folder: Path | None = None
) -> tuple[Tokenizer, dict[str, Any]]:
    """`train`, with what counting and learning took: `words.Account` and "peak_bytes", the memory of their arrays.

    Words that do not fit into the memory go to files below `folder` (the system's for temporary files when None).
    """
    from trivium.stages.tokenizer.merges import Merger
    from trivium.stages.tokenizer.words import Counter

    ordinary = config.vocabulary - len(SPECIALS)
    with Counter(DIGITS[config.pattern], config.memory_mib * 2**20, folder) as counter:
        counter.add(_stoppable(texts, how))
        words, account = counter.finish(config.drop_rare, how), counter.account
    del counter  # its table is not needed while merging
    if account.dropped_words:
        print(
            f"  left out {account.dropped_words:,} words met less than {account.least_count} times: with them learning "
            f"would take more than {config.memory_mib} MiB (--tokenizer.memory-mib)",
            file=sys.stderr,
        )
    merger = Merger(words)
    ranks = merger.ranks(ordinary, how)
    if len(ranks) < ordinary:
        raise ArtifactError(
            f"The documents hold only {len(ranks) + len(SPECIALS)} tokens worth merging, not {config.vocabulary}.",
            "Give more documents or a smaller --vocabulary.",
        )
    return Tokenizer(ranks, config.pattern), asdict(account) | {"peak_bytes": max(account.table_bytes, merger.bytes)}


def _stoppable(texts: Iterable[str], how: How) -> Iterator[str]:
    for text in texts:
        how.stop.check("while counting words")
        yield text


def _reader(selected: Artifact, name: str, what: str, how: How) -> Iterator[Document]:
    path = selected.file(name)
    return tracked(read_documents(path), what, count_documents(path), "documents", how)
