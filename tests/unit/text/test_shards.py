from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trivium.ground.artifact import Artifact, Label, open_artifact, sealing
from trivium.ground.atomic import write_json
from trivium.ground.errors import ArtifactError
from trivium.ground.log import write_jsonl
from trivium.text.shards import TokenShard, open_shards
from trivium.text.tokenizer import Tokenizer


def seal(
    out: Path,
    fingerprint: str,
    damage: Callable[[Path, dict[str, Any]], object] = lambda folder, index: None,
    kind: str = "shards",
) -> Artifact:
    entry = {"documents": 2, "tokens": 5}
    index: dict[str, Any] = {"dtype": "uint16", "tokenizer": fingerprint, "splits": {"train": entry, "heldout": entry}}
    with sealing(out, Label(kind, "shards", 1, {})) as folder:
        for name in ("train", "heldout"):
            np.save(folder / f"{name}.npy", np.array([5, 6, 9, 7, 9], dtype=np.uint16))
            np.save(folder / f"{name}.offsets.npy", np.array([0, 3, 5]))
            write_jsonl(folder / f"{name}.documents.jsonl", [{"id": "a"}, {"id": "b"}])
        damage(folder, index)
        write_json(folder / "index.json", index)
    return open_artifact(out)


def test_documents_are_views_of_a_mapped_file(tmp_path: Path, tokenizer: Tokenizer) -> None:
    shard = open_shards(seal(tmp_path / "s", tokenizer.fingerprint), tokenizer).train
    assert len(shard) == 2
    assert [shard.document(i).tolist() for i in range(2)] == [[5, 6, 9], [7, 9]]
    assert [record["id"] for record in shard.documents()] == ["a", "b"]
    assert isinstance(shard.ids, np.memmap) and not shard.ids.flags.writeable
    for outside in (-1, 2):
        with pytest.raises(IndexError):
            shard.document(outside)


def test_a_shard_may_live_in_memory() -> None:
    assert TokenShard(np.zeros(3, dtype=np.uint16), np.array([0, 3])).documents() == []


def test_another_tokenizer_is_refused(tmp_path: Path, tokenizer: Tokenizer) -> None:
    artifact = seal(tmp_path / "s", "other")
    assert open_shards(artifact).index["tokenizer"] == "other"
    with pytest.raises(ArtifactError, match="other"):
        open_shards(artifact, tokenizer)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder, index: index.update(dtype="uint32"),
        lambda folder, index: index["splits"]["train"].update(tokens=6),
        lambda folder, index: np.save(folder / "train.offsets.npy", np.array([0, 3, 4])),
        lambda folder, index: np.save(folder / "heldout.offsets.npy", np.array([0, 5])),
        lambda folder, index: (folder / "train.npy").write_bytes(b"no array"),
        lambda folder, index: np.save(folder / "train.npy", np.array([{}], dtype=object), allow_pickle=True),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, damage: Callable[[Path, dict[str, Any]], object]) -> None:
    with pytest.raises(ArtifactError):
        open_shards(seal(tmp_path / "s", "t", damage))


def test_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="model"):
        open_shards(seal(tmp_path / "s", "t", kind="model"))
