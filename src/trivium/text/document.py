"""A document: the extracted text of a page (or a lesson written for the town), and the Parquet files that hold them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from trivium.ground.errors import ArtifactError

BATCH = 1024


@dataclass(frozen=True)
class Document:
    """One text, where it comes from and under which licence."""

    id: str
    url: str
    text: str
    source: str
    """Which collection it belongs to ("python-docs", "town:sums", ...): bytes and tokens are counted by it."""
    licence: str
    synthetic: bool = False
    """Written by a generator rather than by people."""


FIELDS = tuple(field.name for field in fields(Document))


def write_documents(path: Path, documents: Iterable[Document]) -> int:
    """Write the documents as Parquet (zstd), a batch at a time; the number written comes back.

    The file is not fsynced: it belongs into a folder that is being sealed.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [pa.field(name, pa.bool_() if name == "synthetic" else pa.string(), nullable=False) for name in FIELDS]
    )
    rest, count = iter(documents), 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := list(itertools.islice(rest, BATCH)):
            columns = {name: [getattr(document, name) for document in batch] for name in FIELDS}
            writer.write_table(pa.table(columns, schema=schema))
            count += len(batch)
    return count


def read_documents(path: Path) -> Iterator[Document]:
    """The documents of a Parquet file, in order, a batch in memory at a time; columns beyond a Document's are skipped.

    Raises ArtifactError when the file is not Parquet or lacks a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ArtifactError(f"{path} is no whole Parquet file: {error}.", "Run its stage again.") from error
    with file:
        missing = [name for name in FIELDS if name not in file.schema_arrow.names]
        if missing:
            raise ArtifactError(f"{path} has no column {missing[0]!r}.", f"Documents have {', '.join(FIELDS)}.")
        for batch in file.iter_batches(BATCH, columns=list(FIELDS)):
            rows: list[dict[str, Any]] = batch.to_pylist()
            for row in rows:
                yield Document(**row)


def count_documents(path: Path) -> int:
    """How many documents a Parquet file holds, from its footer alone."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)
