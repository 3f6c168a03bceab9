"""Building an index: tantivy's, sealed as an artifact. Its id is that of the documents' bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trivium.ground.artifact import MANIFEST, Artifact, Label, open_artifact, sealing
from trivium.ground.config import check
from trivium.ground.errors import ArtifactError
from trivium.ground.how import How
from trivium.ground.progress import tracked
from trivium.index.documents import count, entries, fingerprints

if TYPE_CHECKING:
    from tantivy import Schema

STAGE, FORMAT = "index", 1
TITLE_WORTH = 2.0
"""How much more a word in a title says than one in the text."""


@dataclass(frozen=True, kw_only=True)
class IndexConfig:
    """How documents are indexed."""

    longest: int = 2_000_000
    """Characters of a document that are kept."""

    def __post_init__(self) -> None:
        check(self.longest > 0, "longest", self.longest, "Give a number of characters.")


def build(config: IndexConfig, paths: Sequence[Path], out: Path, how: How) -> Artifact:
    """An index of the documents at these places in `out`; one that is there and still true is left as it is.

    Raises UsageError for places without documents.
    """
    label = Label("index", STAGE, FORMAT, config, fingerprints=fingerprints(paths))
    if (out / MANIFEST).is_file():
        try:
            there = open_artifact(out, "index")
            if there.id == label.id:
                return there
        except ArtifactError:
            pass  # damaged, or something else: written anew
    facts = {"documents": 0, "characters": 0, "same_id": 0}
    with sealing(out, label, facts) as folder:
        _write(config, paths, folder, how, facts)
    return open_artifact(out, "index")


def schema() -> Schema:
    """The fields of an index: all of them stored."""
    from tantivy import SchemaBuilder

    builder = SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw")
    builder.add_text_field("title", stored=True)
    builder.add_text_field("url", stored=True, tokenizer_name="raw")
    builder.add_text_field("text", stored=True)
    return builder.build()


def _write(config: IndexConfig, paths: Sequence[Path], folder: Path, how: How, facts: dict[str, int]) -> None:
    from tantivy import Document, Index

    writer = Index(schema(), path=str(folder)).writer(heap_size=128 << 20, num_threads=1)
    seen: dict[str, int] = {}
    for entry in tracked(entries(paths), "index", count(paths), "documents", how):
        seen[entry.id] = times = seen.get(entry.id, 0) + 1
        name = entry.id if times == 1 else f"{entry.id}#{times}"
        text = entry.text[: config.longest]
        writer.add_document(Document(id=name, title=entry.title, url=entry.url, text=text))
        facts["documents"] += 1
        facts["characters"] += len(text)
        facts["same_id"] += times > 1
    writer.commit()
    writer.wait_merging_threads()
