"""Foreign tokenizers: the ids of the library itself, exact bytes, and no special token out of any text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from foreign_tokenizers import FAMILIES, build
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trivium.ground.errors import ArtifactError
from trivium.text.imported import ImportedTokenizer
from trivium.text.tokenizer import CHECK_TEXTS, Tokenizer

CHATTING = [family for family in FAMILIES if family != "plain"]


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(family)
    build(family, path)
    return path


@pytest.fixture(scope="module")
def theirs(folder: Path) -> tokenizers.Tokenizer:
    return tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))


@pytest.fixture(scope="module")
def ours(folder: Path) -> Tokenizer:
    return Tokenizer.open(folder)


def test_the_ids_are_the_library_s(ours: Tokenizer, theirs: tokenizers.Tokenizer) -> None:
    for text in CHECK_TEXTS:
        assert ours.encode(text) == theirs.encode(text, add_special_tokens=False).ids
    assert ours.encode_batch(CHECK_TEXTS) == [ours.encode(text) for text in CHECK_TEXTS]
    assert ours.size == theirs.get_vocab_size()
    assert isinstance(ours, ImportedTokenizer)


def test_bytes_come_back_exactly(ours: Tokenizer) -> None:
    for text in CHECK_TEXTS:
        assert ours.decode_bytes(ours.encode(text)) == text.encode()
    assert ours.decode(ours.encode("a\ud800b")) == "a\ufffdb"
    assert ours.decode([*ours.encode("a"), ours.size + 7]) == "a\ufffd", "a padded embedding's row"
    every = [ours.ranks[bytes([byte])] for byte in range(256)]
    assert ours.decode_bytes(every) == bytes(range(256))


def test_no_text_yields_a_special_token(ours: Tokenizer, theirs: tokenizers.Tokenizer) -> None:
    special = set(ours.special.values())
    for text in [*ours.special, "".join(ours.special), "x" + " ".join(ours.special) * 2]:
        assert special & set(theirs.encode(text, add_special_tokens=False).ids), "the library does so by itself"
        assert not special & set(ours.encode(text))
        assert ours.decode(ours.encode(text)) == text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_written_stays_text(ours: Tokenizer, data: st.DataObject) -> None:
    pieces = st.one_of(st.sampled_from(sorted(ours.special)), st.text(max_size=5), st.sampled_from("<>|_im"))
    text = "".join(data.draw(st.lists(pieces, max_size=8)))
    assert not set(ours.special.values()) & set(ours.encode(text))


def test_what_ends_and_opens_texts(family: str, ours: Tokenizer) -> None:
    ends = {"smollm": ("<|im_end|>", "<|endoftext|>"), "llama3": ("<|eot_id|>", "<|end_of_text|>"),
            "qwen": ("<|im_end|>", "<|endoftext|>"), "plain": ("<|endoftext|>", "<|endoftext|>")}  # fmt: skip
    turn, document = (ours.special[text] for text in ends[family])
    assert (ours.turn_end, ours.end_of_text) == (turn, document)
    assert set(ours.stops) == {turn, document}
    assert ours.opening == ((ours.special["<|begin_of_text|>"],) if family == "llama3" else ())
    assert set(ours.ends.values()) == {turn, document}


def test_more_ends_are_read_from_the_generation_config(folder: Path, ours: Tokenizer, tmp_path: Path) -> None:
    ours.save(tmp_path)
    extra = sorted(ours.special.values())[0]
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [extra, 10**9]}))
    assert set(Tokenizer.open(tmp_path).stops) == {*ours.stops, extra}


def test_saving_keeps_every_byte(folder: Path, ours: Tokenizer, tmp_path: Path) -> None:
    ours.save(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
    assert Tokenizer.open(tmp_path).fingerprint == ours.fingerprint


def test_plain_added_tokens_are_text_and_tags_are_not(tmp_path: Path) -> None:
    build("qwen", tmp_path)
    ours = Tokenizer.open(tmp_path)
    assert "<think>" in ours.special, "whatever its file says"
    assert ours.encode("a        b")[1:2] == [ours.ranks[b" " * 8]]


def change(folder: Path, **values: Any) -> None:
    build("plain", folder)
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **values, "model": {**content["model"], **values.get("model", {})}}))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model": {"type": "Unigram"}}, "Unigram"),
        ({"decoder": {"type": "Metaspace"}}, "SentencePiece"),
        ({"model": {"byte_fallback": True}}, "SentencePiece"),
        ({"model": {"vocab": {"a": 0}, "merges": []}}, "no token for the byte"),
        ({"added_tokens": []}, "no token that ends a document"),
        ({"pre_tokenizer": {"type": "Wonder"}}, "cannot be read"),
    ],
)
def test_other_kinds_are_refused_by_name(values: dict[str, Any], said: str, tmp_path: Path) -> None:
    change(tmp_path, **values)
    with pytest.raises(ArtifactError, match=said):
        Tokenizer.open(tmp_path)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    build("smollm", tmp_path)
    whole = (tmp_path / "tokenizer.json").read_bytes()
    for damaged in (whole[:-50], b"[]", b"{}", b"\xff\xfe"):
        (tmp_path / "tokenizer.json").write_bytes(damaged)
        with pytest.raises(ArtifactError, match=r"tokenizer"):
            Tokenizer.open(tmp_path)
