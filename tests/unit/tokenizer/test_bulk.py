"""Who encodes changes no id: gigatoken where it is right, tiktoken where it is absent, refuses or errs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from trivium.ground.artifact import Artifact
from trivium.ground.how import How
from trivium.stages.tokenizer import bulk as bulk_room
from trivium.stages.tokenizer import run as tokenizer_run
from trivium.stages.tokenizer import shards
from trivium.stages.tokenizer.bulk import Bulk, resident, sample_of
from trivium.stages.tokenizer.config import ShardsConfig, TokenizerConfig
from trivium.text.document import Document, write_documents
from trivium.text.huggingface import encode_by_merges
from trivium.text.tokenizer import CHECK_TEXTS, SPECIALS, Tokenizer, well_formed

QUIET = How(progress=False)
HOSTILE = [*CHECK_TEXTS, *SPECIALS, "a\ud800b", " " * 30_000 + "x", "\n" * 20_000, "é" * 9999, "x<|im_end|>\n"]


class Fake:
    """gigatoken's interface over the slow second opinion; `wrong` spoils the ids of texts that hold a word."""

    made = 0

    def __init__(self, content: dict[str, Any], wrong: str | None) -> None:
        self.content, self.wrong = content, wrong

    def encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        for text in texts:
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise TypeError("expected str") from error
        ids = [list(encode_by_merges(self.content, text)) for text in texts]
        spoiled = [
            [0, *some] if self.wrong and self.wrong in text else some for text, some in zip(texts, ids, strict=True)
        ]
        return [np.array(some, np.uint32) for some in spoiled]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def install(wrong: str | None = None, refuses: str | None = None) -> None:
        def from_json(content: str) -> Fake:
            if refuses:
                raise RuntimeError(refuses)
            Fake.made += 1
            return Fake(json.loads(content), wrong)

        Fake.made = 0
        module = SimpleNamespace(Tokenizer=SimpleNamespace(from_json=from_json))
        monkeypatch.setitem(sys.modules, "gigatoken", module)

    return install


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tokenizer_run.train(
        [*CHECK_TEXTS, Path(__file__).read_text(encoding="utf-8")], TokenizerConfig(vocabulary=400)
    )


@pytest.fixture(scope="module")
def inputs(selected: Artifact, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    out = tmp_path_factory.mktemp("bulk") / "tokenizer"
    trained = tokenizer_run.run(TokenizerConfig(vocabulary=300), {"selected": selected}, out, QUIET)
    return {"selected": selected, "tokenizer": trained}


def known(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    return [tokenizer.encode(text) for text in texts]


def test_a_fast_encoder_that_is_right_is_taken(tokenizer: Tokenizer, fake: Callable[..., None]) -> None:
    fake()
    bulk = Bulk(tokenizer, ["a sample"])
    assert (bulk.name, bulk.why) == ("gigatoken", "")
    assert [ids.tolist() for ids in bulk.encode(HOSTILE[:-4])] == known(tokenizer, HOSTILE[:-4])
    assert bulk.encode([]) == []


@pytest.mark.parametrize(
    ("how", "said"),
    [({"wrong": "sample"}, "1 of"), ({"wrong": "grammar"}, "1 of"), ({"refuses": "Unknown Split"}, "Unknown Split")],
)
def test_one_that_errs_or_refuses_is_not(
    tokenizer: Tokenizer, fake: Callable[..., None], capsys: pytest.CaptureFixture[str], how: dict[str, str], said: str
) -> None:
    fake(**how)
    bulk = Bulk(tokenizer, ["a sample", "another"], How(progress=True))
    assert bulk.name == "tiktoken" and said in bulk.why
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "without gigatoken" in told and said in told
    assert [ids.tolist() for ids in bulk.encode(HOSTILE)] == known(tokenizer, HOSTILE)


def test_without_it_tiktoken_encodes(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "gigatoken", None)
    bulk = Bulk(tokenizer, (), How(progress=True))
    assert bulk.name == "tiktoken" and "not installed" in bulk.why
    assert not capsys.readouterr().err, "nothing to complain of"
    assert [ids.tolist() for ids in bulk.encode(HOSTILE)] == known(tokenizer, HOSTILE)
    Bulk(tokenizer, (), QUIET)
    assert capsys.readouterr().err == ""


def test_shards_are_the_same_bytes_whoever_encodes(
    inputs: dict[str, Artifact], tmp_path: Path, fake: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake()
    fast = shards.run(ShardsConfig(), inputs, tmp_path / "fast", QUIET)
    assert Fake.made == 1
    monkeypatch.setitem(sys.modules, "gigatoken", None)
    slow = shards.run(ShardsConfig(), inputs, tmp_path / "slow", QUIET)
    assert fast.manifest["files"] == slow.manifest["files"] and fast.id == slow.id


def test_the_cache_is_made_anew_when_it_has_grown(
    tokenizer: Tokenizer, fake: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake()
    sizes = iter([10, 20, 10 + bulk_room.GROWTH + 1, 30, 40])
    monkeypatch.setattr(bulk_room, "resident", lambda: next(sizes))
    bulk = Bulk(tokenizer)
    for made in (1, 2, 2):
        assert [ids.tolist() for ids in bulk.encode(["a b"])] == known(tokenizer, ["a b"])
        assert Fake.made == made
    monkeypatch.setattr(bulk_room, "resident", lambda: 0)
    monkeypatch.setattr(bulk_room, "BLIND", 3)
    for made in (3, 3, 4):
        bulk.encode(["ab"])
        assert Fake.made == made


def test_the_process_knows_its_size() -> None:
    assert resident() == 0 or resident() > 2**20


def test_the_sample_is_spread_over_the_file(tmp_path: Path) -> None:
    documents = [Document(str(i), "", f"text {i}", "s", "CC0") for i in range(5000)]
    write_documents(tmp_path / "d.parquet", documents)
    places = [int(text.split()[1]) for text in sample_of(tmp_path / "d.parquet")]
    assert places == sorted(set(places)) and places[0] == 0 and places[-1] >= 4096
    write_documents(tmp_path / "none.parquet", [])
    assert sample_of(tmp_path / "none.parquet") == []


@pytest.mark.parametrize("text", ["", "plain", "é🤖", "a\ud800b", "\udc00", "\ud83e\udd16"])
def test_lone_surrogates_are_what_tiktoken_takes_them_for(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.encode(well_formed(text)) == tokenizer.encode(text)
    assert bool(well_formed(text).encode()) == bool(text)


@pytest.mark.parametrize("pattern", ["qwen2", "llama3", "nanochat"])
def test_the_real_one_gives_tiktokens_ids_or_is_not_used(pattern: str, tmp_path: Path) -> None:
    pytest.importorskip("gigatoken", reason="the extra 'gigatoken' is not installed")
    texts = [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parents[3].rglob("src/**/*.py"))]
    trained = tokenizer_run.train(texts, TokenizerConfig(vocabulary=2000, pattern=pattern))
    bulk = Bulk(trained, texts[:20])
    assert (bulk.name == "gigatoken") == (pattern != "nanochat"), bulk.why
    assert [ids.tolist() for ids in bulk.encode([*texts, *HOSTILE])] == known(trained, [*texts, *HOSTILE])
    assert len(bulk.encode(texts)) > 100
