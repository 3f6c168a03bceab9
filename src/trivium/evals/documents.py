"""Bits per byte by source: documents of a run's held-out shard, or of a user's own files, in a model's own tokens."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trivium.evals.bits import document_bits, per_byte, windows
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.progress import Progress
from trivium.model.transformer import Transformer
from trivium.text.shards import TokenShard
from trivium.text.tokenizer import Tokenizer

PACKED = (".gz", ".zst")


@dataclass(frozen=True)
class Text:
    """A document to be measured."""

    id: str
    source: str
    text: str


def shard_texts(shard: TokenShard, tokenizer: Tokenizer) -> Iterator[Text]:
    """The documents of a shard as text, decoded with the tokenizer that made it, so that any model can be asked."""
    for i, record in enumerate(shard.documents()):
        ids = shard.document(i)
        yield Text(str(record["id"]), str(record["source"]), tokenizer.decode(int(index) for index in ids[:-1]))


def file_texts(paths: Sequence[Path]) -> Iterator[Text]:
    """The documents of files: JSONL (plain, gzip, zstd) and Parquet by their column `text`, any other file as a whole.

    A row's source is its field `source`, a file's its name. Rows without text are left out. Raises UsageError for a
    path that is not there or a file that cannot be read.
    """
    for path in paths:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        if not path.exists():
            raise UsageError(f"{path} is not there.", "Give a text, JSONL or Parquet file, or a folder of them.")
        for file in files:
            for number, row in enumerate(_rows(file)):
                text = row.get("text")
                if isinstance(text, str) and text:
                    yield Text(f"{file.name}/{number}", str(row.get("source") or file.name), text)


def measure(
    model: Transformer,
    tokenizer: Tokenizer,
    texts: Iterable[Text],
    how: How,
    window: int,
    limit: int = 0,
) -> list[dict[str, Any]]:
    """One record for each text: id, source, bytes, tokens (the end included), bits. `limit`: so many of a source."""
    kept, counts, flat, offsets = [], dict[str, int](), [], [0]
    for text in texts:
        counts[text.source] = counts.get(text.source, 0) + 1
        if limit and counts[text.source] > limit:
            continue
        flat.append(np.array([*tokenizer.encode(text.text), tokenizer.end_of_text], np.int64))
        offsets.append(offsets[-1] + len(flat[-1]))
        kept.append(text)
    if not kept:
        return []
    shard = TokenShard(np.concatenate(flat), np.array(offsets), None)
    total = sum(len(windows(len(ids), window)) for ids in flat)
    with Progress("bits per byte", total, "windows", how) as bar:
        bits = document_bits(model, shard, range(len(kept)), tokenizer.end_of_text, window, bar=bar)
    return [
        {
            "id": text.id,
            "source": text.source,
            "bytes": len(text.text.encode("utf-8", "surrogatepass")),
            "tokens": len(ids),
            "bits": float(found),
        }
        for text, ids, found in zip(kept, flat, bits, strict=True)
    ]


def by_source(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Source -> bits per byte with its interval and the bytes measured; `all` comes first when there are several."""
    sources = sorted({record["source"] for record in records})
    names = ["all", *sources] if len(sources) > 1 else sources
    found = {}
    for name in names:
        part = [record for record in records if name in ("all", record["source"])]
        sizes = np.array([record["bytes"] for record in part], float)
        value = per_byte(np.array([record["bits"] for record in part]), sizes)
        found[name] = {"bits_per_byte": value.to_json(), "bytes": int(sizes.sum())}
    return found


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = file.with_suffix("") if file.suffix in PACKED else file
    try:
        if file.suffix == ".parquet":
            with pq.ParquetFile(file) as table:
                columns = [name for name in ("text", "source") if name in table.schema_arrow.names]
                for batch in table.iter_batches(256, columns=columns):
                    yield from batch.to_pylist()
            return
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else _bytes(file, pa)
    except (pa.ArrowException, OSError, EOFError) as error:
        raise UsageError(f"{file} cannot be read: {error}.", "Is it whole, and what its name says?") from error
    if plain.suffix not in (".jsonl", ".ndjson"):
        yield {"text": data.decode("utf-8", "replace")}
        return
    for line in data.split(b"\n"):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            yield row


def _bytes(file: Path, pa: Any) -> bytes:
    with pa.input_stream(str(file)) as stream:
        return bytes(stream.read())
