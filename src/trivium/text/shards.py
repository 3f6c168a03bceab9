"""Token shards: flat ids on disk, memory-mapped, with the start of each document.

`NAME.npy` (uint16 or uint32) holds the documents one after the other, each followed by `<|endoftext|>`;
`NAME.offsets.npy` (int64, one longer than the number of documents) holds their starts and the end of the last;
`NAME.documents.jsonl` says for each document: id, source, bytes, tokens (its `<|endoftext|>` included), synthetic.
`index.json` holds dtype, tokenizer fingerprint, counts by source and hashes. Writing is the tokenizer stage's craft.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trivium.ground.artifact import Artifact
from trivium.ground.errors import ArtifactError
from trivium.ground.log import read_jsonl
from trivium.text.tokenizer import Tokenizer

Ids = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class TokenShard:
    """One shard, its ids left on disk until they are asked for."""

    ids: Ids
    """All ids, memory-mapped, read-only."""
    offsets: NDArray[np.int64]
    records: Path | None = None
    """Its `documents.jsonl`; None for a shard that lives in memory only."""

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self.offsets) - 1

    def document(self, i: int) -> Ids:
        """The ids of document i, its `<|endoftext|>` included: a view. Raises IndexError outside 0..len-1."""
        if not 0 <= i < len(self):
            raise IndexError(f"Document {i} of {len(self)}.")
        return self.ids[self.offsets[i] : self.offsets[i + 1]]

    def documents(self) -> list[dict[str, Any]]:
        """What is known of each document (id, source, bytes, tokens, synthetic), in the shard's order."""
        return list(read_jsonl(self.records)) if self.records else []


@dataclass(frozen=True)
class Shards:
    """A shards artifact, open."""

    train: TokenShard
    heldout: TokenShard
    index: dict[str, Any]


def open_shards(artifact: Artifact, tokenizer: Tokenizer | None = None) -> Shards:
    """Both shards of an artifact of kind "shards", memory-mapped.

    Raises ArtifactError when the artifact is of another kind, when ids and offsets do not fit each other or the index,
    or when `tokenizer` is not the one that made them.
    """
    if artifact.kind != "shards":
        raise ArtifactError(f"{artifact.path} is a {artifact.kind!r} artifact, not 'shards'.", "Give a shards folder.")
    index = artifact.json("index.json")
    if tokenizer is not None and index["tokenizer"] != tokenizer.fingerprint:
        raise ArtifactError(
            f"{artifact.path} was made with tokenizer {index['tokenizer']}, not {tokenizer.fingerprint}.",
            "Give the tokenizer that the shards' manifest names.",
        )
    train, heldout = (_open(artifact, name, index) for name in ("train", "heldout"))
    return Shards(train, heldout, index)


def _open(artifact: Artifact, name: str, index: dict[str, Any]) -> TokenShard:
    path = artifact.file(f"{name}.npy")
    try:
        ids = np.load(path, mmap_mode="r", allow_pickle=False)
        offsets = np.load(artifact.file(f"{name}.offsets.npy"), allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}.", "Run the shards stage again.") from error
    fits = (
        str(ids.dtype) == index["dtype"]
        and len(offsets) == index["splits"][name]["documents"] + 1
        and offsets[0] == 0
        and offsets[-1] == len(ids) == index["splits"][name]["tokens"]
    )
    if not fits:
        raise ArtifactError(f"{path}, its offsets and index.json do not fit each other.", "Run the shards stage again.")
    return TokenShard(ids, offsets, artifact.file(f"{name}.documents.jsonl"))
