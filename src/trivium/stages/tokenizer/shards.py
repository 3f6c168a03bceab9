"""The documents as the model will read them: flat ids on disk, and how often each fact of the town is in there.

Exposure is counted in the shards themselves: the ids are read back from disk, decoded and searched, so a fact that the
funnel dropped or a document that was cut is not counted. Plans are only plans.
The format is told in `text.shards`, which opens it.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trivium.ground.artifact import Artifact, Label, hash_file, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.how import How
from trivium.ground.progress import Progress
from trivium.stages.tokenizer.bulk import Bulk, sample_of
from trivium.stages.tokenizer.config import SHARDS_FORMAT, SHARDS_STAGE, ShardsConfig
from trivium.text.document import Document, count_documents, read_documents
from trivium.text.shards import TokenShard
from trivium.text.tokenizer import Tokenizer

SPLITS = ("train", "heldout")
BATCH = 256


def label_of(config: ShardsConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal."""
    return Label("shards", SHARDS_STAGE, SHARDS_FORMAT, config, parents_of(inputs))


def run(config: ShardsConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Encode the documents of `inputs["selected"]` with `inputs["tokenizer"]` and seal the shards at `out`.

    With `inputs["town"]` the statements of its facts are counted into `exposure.json`. Raises Stopped when asked to.
    """
    tokenizer = Tokenizer.open(inputs["tokenizer"].path)
    facts: dict[str, int] = {}
    with sealing(out, label_of(config, inputs), facts) as folder:
        paths = {name: inputs["selected"].file(f"{name}.parquet") for name in SPLITS}
        bulk = Bulk(tokenizer, [text for path in paths.values() for text in sample_of(path)], how)
        splits = {name: write_shard(folder, name, path, tokenizer, how, bulk) for name, path in paths.items()}
        index = {
            "dtype": str(dtype_for(tokenizer.size)),
            "vocabulary": tokenizer.size,
            "tokenizer": tokenizer.fingerprint,
            "end_of_text": tokenizer.end_of_text,
            "splits": splits,
        }
        write_json(folder / "index.json", index)
        facts |= {f"{name}_tokens": splits[name]["tokens"] for name in SPLITS}
        if "town" in inputs:
            exposure = count_exposure(folder, tokenizer, inputs["town"])
            write_json(folder / "exposure.json", exposure)
            facts["statements"] = exposure["statements"]
    return open_artifact(out, "shards")


def dtype_for(size: int) -> np.dtype[Any]:
    """The smallest of uint16 and uint32 that holds every id below `size`."""
    return np.dtype(np.uint16 if size <= 2**16 else np.uint32)


@dataclass
class Tally:
    """Counts of one shard as it grows."""

    offsets: list[int] = field(default_factory=lambda: [0])
    sources: dict[str, dict[str, Any]] = field(
        default_factory=lambda: defaultdict(lambda: {"documents": 0, "bytes": 0, "tokens": 0, "synthetic": False})
    )

    def add(self, document: Document, tokens: int) -> dict[str, Any]:
        """Count a document; its line in `documents.jsonl` comes back."""
        size = len(document.text.encode())
        self.offsets.append(self.offsets[-1] + tokens)
        row = self.sources[document.source]
        row["documents"] += 1
        row["bytes"] += size
        row["tokens"] += tokens
        row["synthetic"] |= document.synthetic
        return {
            "id": document.id,
            "source": document.source,
            "bytes": size,
            "tokens": tokens,
            "synthetic": document.synthetic,
        }

    def entry(self) -> dict[str, Any]:
        """The shard's entry in `index.json`."""
        return {
            "documents": len(self.offsets) - 1,
            "tokens": self.offsets[-1],
            "bytes": sum(row["bytes"] for row in self.sources.values()),
            "by_source": dict(self.sources),
        }


def write_shard(
    folder: Path, name: str, documents: Path, tokenizer: Tokenizer, how: How, bulk: Bulk | None = None
) -> dict[str, Any]:
    """Write the files of one shard, a batch of documents in memory at a time; its entry in the index comes back."""
    bulk = bulk or Bulk(tokenizer, sample_of(documents), how)
    tally, dtype = Tally(), dtype_for(tokenizer.size)
    ids_path, offsets_path = folder / f"{name}.npy", folder / f"{name}.offsets.npy"
    with (
        open(ids_path, "w+b") as ids_file,
        open(folder / f"{name}.documents.jsonl", "w", encoding="utf-8") as lines,
        Progress(f"encode {name}", count_documents(documents), "documents", how) as bar,
    ):
        _write_header(ids_file, dtype, 0)
        for batch in _batches(read_documents(documents)):
            how.stop.check("while encoding")
            for document, ids in zip(batch, bulk.encode([d.text for d in batch]), strict=True):
                whole = np.append(ids, np.uint32(tokenizer.end_of_text))
                if int(whole.max()) > np.iinfo(dtype).max:
                    raise OverflowError(f"Id {whole.max()} does not fit into {dtype}.")
                ids_file.write(whole.astype(dtype).tobytes())
                lines.write(json.dumps(tally.add(document, whole.size), ensure_ascii=False) + "\n")
            bar.advance(len(batch))
        _write_header(ids_file, dtype, tally.offsets[-1])
    np.save(offsets_path, np.array(tally.offsets, dtype=np.int64))
    hashes = {path.name: hash_file(path) for path in (ids_path, offsets_path)}
    return {**tally.entry(), "sha256": hashes}


def _write_header(file: Any, dtype: np.dtype[Any], length: int) -> None:
    """The .npy header at the file's start. NumPy pads it so that any length fits into the same space."""
    file.seek(0)
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(file, header)


def count_exposure(folder: Path, tokenizer: Tokenizer, town: Artifact) -> dict[str, Any]:
    """Statements of each fact ("person_id/attribute") in the shards on disk.

    "per_epoch" holds the training shard's, to be multiplied by epochs; "heldout" those that occur in the other.
    """
    from trivium.town.exposure import count
    from trivium.town.world import Town

    world = Town.from_json(town.json("town.json"))
    per_epoch = count(world, _texts(folder, "train", tokenizer))
    heldout = count(world, _texts(folder, "heldout", tokenizer))
    return {
        "per_epoch": per_epoch,
        "statements": sum(per_epoch.values()),
        "heldout": {key: times for key, times in heldout.items() if times},
    }


def _texts(folder: Path, name: str, tokenizer: Tokenizer) -> Iterator[str]:
    ids = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    shard = TokenShard(
        ids, np.load(folder / f"{name}.offsets.npy", allow_pickle=False), folder / f"{name}.documents.jsonl"
    )
    for i in range(len(shard)):
        yield tokenizer.decode(shard.document(i)[:-1].tolist())


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    rest = iter(documents)
    while batch := list(itertools.islice(rest, BATCH)):
        yield batch
