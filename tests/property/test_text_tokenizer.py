"""tiktoken, tokenizers and transformers give the same ids for any text, and every text comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiktoken
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiktoken.load import load_tiktoken_bpe
from tokenizers import Tokenizer as Peer
from transformers import AutoTokenizer

from trivium.stages.tokenizer.config import TokenizerConfig
from trivium.stages.tokenizer.run import train
from trivium.text.huggingface import encode_by_merges, tokenizer_json
from trivium.text.patterns import PATTERNS
from trivium.text.tokenizer import CHECK_TEXTS, SPECIALS, Tokenizer

BOOK = [Path(__file__).read_text(encoding="utf-8"), *CHECK_TEXTS]
BOOK += [f"{n * 7919} {n}ab aaab \n\n\t {n:,}" for n in range(99)]
EXAMPLES = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MEAN = [
    "🤖",
    "👩‍👩‍👧‍👦",
    "e\u0301",
    "\u200d",
    "\ufeff",
    "\x00",
    "\r",
    "\n",
    "  ",
    "\t",
    "'S",
    "'ll",
    "ſ",
    "K",
    "\u0130",
    "１２",
    "٣",
    "Ⅷ",
    "<|",
    "|>",
    "im_end",
    "aaa",
    "ab",
    "नमस्ते",
    "\u2028",
    "\x85",
    "\x1c",
    "\U000e0001",
    "~!@",
    "1",
    "23",
]

texts = st.one_of(
    st.text(max_size=60),
    st.text(st.sampled_from("ab1 \n'.é"), max_size=60),
    st.lists(st.sampled_from(MEAN), max_size=25).map("".join),
    st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", errors="replace")),
    st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")),
).filter(lambda text: not any(special in text for special in SPECIALS))


@pytest.fixture(scope="module", params=sorted(PATTERNS))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tokenizer, Path]:
    tokenizer = train(BOOK, TokenizerConfig(vocabulary=640, pattern=request.param))
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(folder)
    return tokenizer, folder


@pytest.fixture(scope="module")
def peers(pair: tuple[Tokenizer, Path]) -> tuple[Tokenizer, Peer, object]:
    tokenizer, folder = pair
    return tokenizer, Peer.from_file(str(folder / "tokenizer.json")), AutoTokenizer.from_pretrained(str(folder))


@pytest.fixture(scope="module")
def ranked(pair: tuple[Tokenizer, Path]) -> tiktoken.Encoding:
    """What tiktoken itself makes of the saved ranks."""
    tokenizer, folder = pair
    ranks = load_tiktoken_bpe(str(folder / "vocabulary.tiktoken"))
    return tiktoken.Encoding("saved", pat_str=PATTERNS[tokenizer.pattern], mergeable_ranks=ranks, special_tokens={})


@EXAMPLES
@given(text=texts)
def test_three_libraries_give_equal_ids(
    peers: tuple[Tokenizer, Peer, object], ranked: tiktoken.Encoding, text: str
) -> None:
    tokenizer, peer, auto = peers
    ids = tokenizer.encode(text)
    assert ranked.encode_ordinary(text) == ids
    assert peer.encode(text).ids == ids
    assert auto(text)["input_ids"] == ids  # type: ignore[operator]
    assert peer.decode(ids) == tokenizer.decode(ids) == text


@EXAMPLES
@given(text=texts)
def test_merges_alone_give_the_same_ids(pair: tuple[Tokenizer, Path], text: str) -> None:
    tokenizer = pair[0]
    content = tokenizer_json(tokenizer.ranks, PATTERNS[tokenizer.pattern], tokenizer.special, ())
    assert list(encode_by_merges(content, text)) == tokenizer.encode(text)


@EXAMPLES
@given(pieces=st.lists(st.one_of(st.sampled_from(SPECIALS), texts, st.text(max_size=8)), max_size=8))
def test_no_text_gives_a_special_and_every_text_comes_back(pair: tuple[Tokenizer, Path], pieces: list[str]) -> None:
    tokenizer, text = pair[0], "".join(pieces)
    ids = tokenizer.encode(text)
    assert all(0 <= index < tokenizer.end_of_text for index in ids)
    assert tokenizer.decode(ids) == text


@EXAMPLES
@given(raw=st.binary(max_size=80))
def test_any_bytes_can_be_written_in_ids(pair: tuple[Tokenizer, Path], raw: bytes) -> None:
    tokenizer = pair[0]
    assert tokenizer.decode_bytes([tokenizer.ranks[raw[i : i + 1]] for i in range(len(raw))]) == raw
    assert tokenizer.decode_bytes(tokenizer._encoding._encode_bytes(raw)) == raw


@EXAMPLES
@given(ids=st.lists(st.integers(0, 639), max_size=40))
def test_any_ids_decode(pair: tuple[Tokenizer, Path], ids: list[int]) -> None:
    tokenizer = pair[0]
    assert tokenizer.decode_bytes(ids) == b"".join(tokenizer.decode_bytes([index]) for index in ids)
    assert isinstance(tokenizer.decode(ids), str)


@pytest.mark.parametrize("pair", ["qwen2"], indirect=True)
def test_every_character_of_unicode_gets_equal_ids(peers: tuple[Tokenizer, Peer, object]) -> None:
    tokenizer, peer, _ = peers
    text = "".join(f"a{chr(code)}1{chr(code)} {chr(code)}\n" for code in range(0x30000) if not 0xD800 <= code < 0xE000)
    assert peer.encode(text).ids == tokenizer.encode(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_the_folder_opens_in_transformers_with_its_specials(peers: tuple[Tokenizer, Peer, object]) -> None:
    tokenizer, _, auto = peers
    assert len(auto) == tokenizer.size  # type: ignore[arg-type]
    assert auto.eos_token_id == auto.pad_token_id == tokenizer.end_of_text  # type: ignore[attr-defined]
    assert auto.convert_tokens_to_ids(list(SPECIALS)) == list(tokenizer.special.values())  # type: ignore[attr-defined]
    ids = [*tokenizer.encode("Hi"), tokenizer.special["<think>"], tokenizer.special["<|im_end|>"]]
    assert auto.decode(ids, skip_special_tokens=True) == "Hi<think>"  # type: ignore[attr-defined]
