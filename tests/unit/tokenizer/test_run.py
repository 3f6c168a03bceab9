from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trivium.ground.artifact import Artifact
from trivium.ground.config import from_json
from trivium.ground.errors import ArtifactError, ConfigError, Stopped
from trivium.ground.how import How
from trivium.stages.tokenizer.config import TokenizerConfig
from trivium.stages.tokenizer.run import label_of, run, train
from trivium.stages.tokenizer.show import describe
from trivium.text.document import read_documents
from trivium.text.patterns import LONG
from trivium.text.tokenizer import FILES, Tokenizer

QUIET = How(progress=False)
CONFIG = TokenizerConfig(vocabulary=300)


@pytest.fixture(scope="module")
def artifact(selected: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return run(CONFIG, {"selected": selected}, tmp_path_factory.mktemp("run") / "tokenizer", QUIET)


def test_the_artifact_is_what_its_label_promised(artifact: Artifact, selected: Artifact) -> None:
    assert artifact.id == label_of(CONFIG, {"selected": selected}).id
    assert artifact.parents == {"selected": selected.id}
    assert set(artifact.manifest["files"]) == {*FILES, "stats.json"}
    assert from_json(TokenizerConfig, artifact.config) == CONFIG
    assert Tokenizer.open(artifact.path).size == 300


def test_the_same_documents_give_the_same_files(artifact: Artifact, selected: Artifact, tmp_path: Path) -> None:
    again = run(CONFIG, {"selected": selected}, tmp_path / "again", QUIET)
    assert again.manifest["files"] == artifact.manifest["files"]


def test_statistics_add_up(artifact: Artifact) -> None:
    stats, tokenizer = artifact.json("stats.json"), Tokenizer.open(artifact.path)
    for split in ("train", "heldout"):
        by_source = stats[split]["by_source"].values()
        for key in ("documents", "bytes", "tokens"):
            assert stats[split][key] == sum(row[key] for row in by_source) > 0
        assert stats[split]["bytes_per_token"] == stats[split]["bytes"] / stats[split]["tokens"]
    assert set(stats["train"]["by_source"]) == {"web", "town:sums"}
    assert stats["train"]["documents"] == 340
    assert stats["digits_per_token"] == 1
    assert stats["vocabulary"] == stats["ordinary"] + len(stats["special"]) == 300
    assert all(bytes.fromhex(token["hex"]) in tokenizer.ranks for token in stats["longest"])
    sizes = [len(token["hex"]) for token in stats["longest"]]
    assert sizes == sorted(sizes, reverse=True)
    assert stats["unused"]["count"] >= len(stats["unused"]["tokens"]) > 0
    strawberry = stats["examples"][0]
    assert "".join(bytes.fromhex(token["hex"]).decode() for token in strawberry["tokens"]) == "strawberry"


def test_an_unused_token_is_one_that_no_document_holds(artifact: Artifact, selected: Artifact) -> None:
    stats, tokenizer = artifact.json("stats.json"), Tokenizer.open(artifact.path)
    used = {
        index
        for document in read_documents(selected.file("train.parquet"))
        for index in tokenizer.encode(document.text)
    }
    unused = set(range(tokenizer.end_of_text)) - used
    assert stats["unused"]["count"] == len(unused)
    assert {token["id"] for token in stats["unused"]["tokens"]} <= unused
    assert stats["unused"]["single_bytes"] == sum(index < 256 for index in unused)


def test_a_token_that_is_no_character_is_shown_by_its_bytes(artifact: Artifact) -> None:
    tokenizer = Tokenizer.open(artifact.path)
    assert artifact.json("stats.json")["not_utf8_alone"] >= 128
    assert describe(tokenizer, tokenizer.ranks[b"\xff"]) == {"id": 255, "hex": "ff", "text": None}
    assert describe(tokenizer, tokenizer.ranks[b"a"])["text"] == "a"


def test_a_digit_is_a_token_of_its_own() -> None:
    texts = ["1111 2222 1111 2222 12 12"] * 50 + ["so many words of text"] * 9
    tokenizer = train(texts, TokenizerConfig(vocabulary=275))
    assert len(tokenizer.encode("1122")) == 4
    assert not any(len(token) > 1 and any(48 <= byte < 58 for byte in token) for token in tokenizer.ranks)


def test_training_survives_a_million_spaces() -> None:
    text = "a word and more words " * 20
    tokenizer = train([" " * 1_500_000 + "x", text], TokenizerConfig(vocabulary=270))
    assert tokenizer.size == 270 and LONG < 1_500_000


def test_too_few_documents_are_named(
    selected: Artifact, seal_selected: Callable[..., Artifact], tmp_path: Path
) -> None:
    with pytest.raises(ArtifactError, match="vocabulary"):
        run(TokenizerConfig(vocabulary=4096), {"selected": selected}, tmp_path / "t", QUIET)
    empty = seal_selected(tmp_path / "empty", {"train": [], "heldout": []})
    with pytest.raises(ArtifactError, match="263 tokens"):
        run(CONFIG, {"selected": empty}, tmp_path / "t", QUIET)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_vocabulary_of_bytes_alone_is_allowed(seal_selected: Callable[..., Artifact], tmp_path: Path) -> None:
    empty = seal_selected(tmp_path / "empty", {"train": [], "heldout": []})
    artifact = run(TokenizerConfig(vocabulary=263), {"selected": empty}, tmp_path / "t", QUIET)
    assert artifact.json("stats.json")["train"]["bytes_per_token"] is None


def test_a_stop_leaves_nothing_half_done(selected: Artifact, tmp_path: Path) -> None:
    how = How(progress=False)
    how.stop.request("test")
    with pytest.raises(Stopped):
        run(CONFIG, {"selected": selected}, tmp_path / "t", how)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("values", [{"vocabulary": 262}, {"vocabulary": 2**21}, {"pattern": "gpt2"}])
def test_configs_outside_their_meaning_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        TokenizerConfig(**values)  # type: ignore[arg-type]


def test_what_training_took_is_told(artifact: Artifact) -> None:
    account = artifact.json("stats.json")["training"]
    assert account["spills"] == account["dropped_words"] == account["dropped_occurrences"] == 0
    assert account["occurrences"] > account["words"] > 10
    assert account["peak_bytes"] >= account["table_bytes"] > 0
    assert artifact.manifest["facts"]["peak_bytes"] == account["peak_bytes"]


def test_words_left_out_are_said(selected: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    letters = str.maketrans("0123456789", "abcdefghij")
    texts = [" ".join(str(i * j % 999_983).translate(letters) for j in range(1, 40)) for i in range(2000)]
    config = TokenizerConfig(vocabulary=300, memory_mib=1)
    assert train(texts, config).size == 300
    assert "left out" in capsys.readouterr().err
    train(texts[:10], config)
    assert "left out" not in capsys.readouterr().err
