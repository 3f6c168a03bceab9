from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from trivium.ground.artifact import Artifact, hash_file
from trivium.ground.errors import Stopped
from trivium.ground.how import How
from trivium.stages.tokenizer import run as tokenizer_run
from trivium.stages.tokenizer.config import ShardsConfig, TokenizerConfig
from trivium.stages.tokenizer.shards import dtype_for, label_of, run, write_shard
from trivium.text.document import Document, read_documents, write_documents
from trivium.text.shards import open_shards
from trivium.text.tokenizer import Tokenizer

QUIET = How(progress=False)


@pytest.fixture(scope="module")
def inputs(selected: Artifact, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    out = tmp_path_factory.mktemp("run") / "tokenizer"
    tokenizer = tokenizer_run.run(TokenizerConfig(vocabulary=300), {"selected": selected}, out, QUIET)
    return {"selected": selected, "tokenizer": tokenizer}


@pytest.fixture(scope="module")
def artifact(inputs: dict[str, Artifact], tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return run(ShardsConfig(), inputs, tmp_path_factory.mktemp("run") / "shards", QUIET)


def test_every_document_comes_back_from_its_ids(artifact: Artifact, inputs: dict[str, Artifact]) -> None:
    tokenizer = Tokenizer.open(inputs["tokenizer"].path)
    shards = open_shards(artifact, tokenizer)
    for name, shard in (("train", shards.train), ("heldout", shards.heldout)):
        documents = list(read_documents(inputs["selected"].file(f"{name}.parquet")))
        assert len(shard) == len(documents)
        assert shard.ids.dtype == np.uint16
        for i, (document, record) in enumerate(zip(documents, shard.documents(), strict=True)):
            *ids, end = shard.document(i).tolist()
            assert end == tokenizer.end_of_text and tokenizer.end_of_text not in ids
            assert tokenizer.decode(ids) == document.text
            assert record == {
                "id": document.id,
                "source": document.source,
                "bytes": len(document.text.encode()),
                "tokens": len(ids) + 1,
                "synthetic": document.synthetic,
            }


def test_the_index_counts_what_is_there(artifact: Artifact) -> None:
    shards = open_shards(artifact)
    for name, shard in (("train", shards.train), ("heldout", shards.heldout)):
        entry = shards.index["splits"][name]
        assert entry["tokens"] == len(shard.ids) == sum(record["tokens"] for record in shard.documents())
        for key in ("documents", "tokens", "bytes"):
            assert entry[key] == sum(row[key] for row in entry["by_source"].values())
        for file, sha256 in entry["sha256"].items():
            assert hash_file(artifact.file(file)) == sha256
    assert shards.index["splits"]["train"]["by_source"]["town:sums"]["synthetic"] is True
    assert shards.index["splits"]["train"]["by_source"]["web"]["synthetic"] is False


def test_the_id_is_promised_and_there_is_no_exposure_without_a_town(
    artifact: Artifact, inputs: dict[str, Artifact]
) -> None:
    assert artifact.id == label_of(ShardsConfig(), inputs).id
    assert not artifact.has("exposure.json")


def test_ids_have_the_smallest_type_that_holds_them() -> None:
    assert dtype_for(300) == dtype_for(2**16) == np.uint16
    assert dtype_for(2**16 + 1) == np.uint32


def test_an_id_beyond_the_type_is_refused(
    tmp_path: Path, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trivium.stages.tokenizer.shards.dtype_for", lambda size: np.dtype(np.uint8))
    with pytest.raises(OverflowError):
        run(ShardsConfig(), inputs, tmp_path / "shards", QUIET)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("texts", [[], [""], ["", "a", ""], ["<|endoftext|>", "x <|im_end|> y"]])
def test_odd_documents_keep_their_place(tmp_path: Path, inputs: dict[str, Artifact], texts: list[str]) -> None:
    tokenizer = Tokenizer.open(inputs["tokenizer"].path)
    documents = [Document(str(i), "", text, "s", "CC0") for i, text in enumerate(texts)]
    write_documents(tmp_path / "d.parquet", documents)
    entry = write_shard(tmp_path, "odd", tmp_path / "d.parquet", tokenizer, QUIET)
    ids, offsets = np.load(tmp_path / "odd.npy"), np.load(tmp_path / "odd.offsets.npy")
    assert (entry["documents"], entry["tokens"]) == (len(texts), len(ids))
    assert np.count_nonzero(ids == tokenizer.end_of_text) == len(texts)
    assert [tokenizer.decode(ids[start : end - 1].tolist()) for start, end in pairwise(offsets)] == texts
    lines = (tmp_path / "odd.documents.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [document.id for document in documents]


def test_a_stop_leaves_nothing_half_done(tmp_path: Path, inputs: dict[str, Artifact]) -> None:
    how = How(progress=False)
    how.stop.request("test")
    with pytest.raises(Stopped):
        run(ShardsConfig(), inputs, tmp_path / "shards", how)
    assert not list(tmp_path.iterdir())


def test_an_empty_selection_gives_empty_shards(
    tmp_path: Path, inputs: dict[str, Artifact], seal_selected: Callable[..., Artifact]
) -> None:
    empty = seal_selected(tmp_path / "selected", {"train": [], "heldout": []})
    artifact = run(ShardsConfig(), {**inputs, "selected": empty}, tmp_path / "shards", QUIET)
    shards = open_shards(artifact)
    assert (len(shards.train), len(shards.train.ids)) == (0, 0)
