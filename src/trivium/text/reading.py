"""Documents of files that people have: JSON lines, Parquet, plain text; packed by gzip or zstd if the name says so.

For looking at text (benchmarks, comparisons). What becomes a corpus goes through the corpus stage, which accounts for
every document.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from trivium.ground.errors import UsageError
from trivium.text.document import Document

PACKED = {".gz": "gzip", ".zst": "zstd"}
ROWS = (".jsonl", ".ndjson", ".json")
BATCH = 256


def read_files(paths: Iterable[Path], most_bytes: int = 0) -> Iterator[Document]:
    """The documents of some files, in order, until they have `most_bytes` of UTF-8 in all; 0 means all of them.

    A row's `text` is the document and its `source`, where it has one, the source; else the file's name is. Any other
    file is one document. Raises UsageError for a file that cannot be read.
    """
    total = 0
    for path in paths:
        for document in _read(path):
            yield document
            total += len(document.text.encode("utf-8", "replace"))
            if most_bytes and total >= most_bytes:
                return


def _read(path: Path) -> Iterator[Document]:
    import pyarrow as pa

    kind = path.with_suffix("").suffix.lower() if path.suffix.lower() in PACKED else path.suffix.lower()
    done = 0
    try:
        if kind == ".parquet":
            rows: Iterator[dict[str, Any]] = _table(path)
        elif kind in ROWS:
            rows = (json.loads(line) for line in _lines(path) if line.strip())
        else:
            rows = iter([{"text": b"\n".join(_lines(path)).decode("utf-8", "replace")}])
        for row in rows:
            source = str(row.get("source") or path.name)
            yield Document(f"{path.name}:{done}", "", str(row["text"]), source, str(row.get("licence", "")))
            done += 1
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        raise UsageError(
            f"{path} cannot be read beyond its first {done} documents: {error!r}.",
            "Give JSON lines or Parquet with a text in each row, or plain text (.gz and .zst too).",
        ) from error


def _table(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        columns = [name for name in ("text", "source", "licence") if name in file.schema_arrow.names]
        for batch in file.iter_batches(BATCH, columns=columns):
            yield from batch.to_pylist()


def _lines(path: Path) -> Iterator[bytes]:
    """Lines without their ends; JSON lines may hold any other separator."""
    import pyarrow as pa

    with pa.OSFile(str(path)) as raw:
        packed = PACKED.get(path.suffix.lower())
        stream = pa.CompressedInputStream(raw, packed) if packed else raw
        rest = b""
        while chunk := stream.read(1 << 20):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
        yield rest
