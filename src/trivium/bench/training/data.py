"""One text for both sides of `trivium bench train`: the peer's folder of Parquet files, and our token shards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from trivium.ground.artifact import Artifact, Label, open_artifact, sealing
from trivium.ground.how import How
from trivium.stages.corpus.classifier.train import texts_of
from trivium.stages.tokenizer import run as tokenizer_stage
from trivium.stages.tokenizer import shards as shards_stage
from trivium.stages.tokenizer.config import ShardsConfig, TokenizerConfig
from trivium.text.document import Document, read_documents, write_documents

HELD_OUT = 100
"""Every hundredth document is for measuring."""
GROUP = 1024
"""Documents in a row group of the peer's files."""


def prepare(
    text: Sequence[str], out: Path, vocabulary: int, how: How, seed: int = 0, pattern: str = "qwen2"
) -> dict[str, Artifact]:
    """Selected documents, tokenizer and shards of the texts, under `out`; what is there already is kept.

    A seed other than 0 brings the training documents into another order.
    """
    made: dict[str, Artifact] = {}
    folder = out / "selected"
    if not folder.is_dir():
        documents = list(_documents(text, how))
        train = [document for i, document in enumerate(documents) if i % HELD_OUT]
        if seed:
            Random(seed).shuffle(train)
        with sealing(folder, Label("selected", "bench", 1, [list(text), seed])) as inside:
            write_documents(inside / "train.parquet", train)
            write_documents(inside / "heldout.parquet", documents[::HELD_OUT])
    made["selected"] = open_artifact(folder, "selected")
    if not (out / "tokenizer").is_dir():
        tokenizer_stage.run(TokenizerConfig(vocabulary=vocabulary, pattern=pattern), made, out / "tokenizer", how)
    made["tokenizer"] = open_artifact(out / "tokenizer", "tokenizer")
    if not (out / "shards").is_dir():
        shards_stage.run(ShardsConfig(), made, out / "shards", how)
    made["shards"] = open_artifact(out / "shards", "shards")
    return made


def for_peer(selected: Artifact, folder: Path) -> None:
    """The same documents as nanochat reads them: Parquet files with a column `text`, the last one held out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(("train", "heldout")):
        path = folder / f"shard_{number:05d}.parquet"
        if not path.is_file():
            texts = [document.text for document in read_documents(selected.file(f"{name}.parquet"))]
            pq.write_table(pa.table({"text": texts}), path, row_group_size=GROUP)


def _documents(text: Sequence[str], how: How) -> Iterator[Document]:
    for content in texts_of(text, how):
        name = hashlib.sha256(content.encode()).hexdigest()[:16]
        yield Document(name, f"bench:{name}", content, "bench", "")
