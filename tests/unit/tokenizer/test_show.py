from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.stages.tokenizer.config import TokenizerConfig
from trivium.stages.tokenizer.run import train
from trivium.stages.tokenizer.show import brackets, describe, tokens_of, tree, visible
from trivium.text.tokenizer import CHECK_TEXTS, SPECIALS, Tokenizer

TOKENIZER = train([*CHECK_TEXTS, "the then there the 348 × 619"] * 5, TokenizerConfig(vocabulary=420))


@pytest.fixture
def tokenizer() -> Tokenizer:
    return TOKENIZER


def leaves(node: dict[str, object]) -> list[dict[str, object]]:
    return [leaf for part in node["parts"] for leaf in leaves(part)] if "parts" in node else [node]  # type: ignore[attr-defined]


def test_each_merge_is_of_two_older_tokens_down_to_bytes(tokenizer: Tokenizer) -> None:
    def look(node: dict[str, object]) -> None:
        raw = bytes.fromhex(str(node["hex"]))
        assert tokenizer.ranks[raw] == node["id"]
        if len(raw) == 1:
            assert "parts" not in node
            return
        left, right = node["parts"]  # type: ignore[misc]
        assert raw == bytes.fromhex(left["hex"]) + bytes.fromhex(right["hex"])
        assert max(left["id"], right["id"]) < int(str(node["id"]))
        look(left)
        look(right)

    for token in tokenizer.ranks:
        look(tree(tokenizer, token))
        assert len(leaves(tree(tokenizer, token))) == len(token)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=40), st.sampled_from([*SPECIALS, *CHECK_TEXTS])))
def test_the_tokens_spell_the_text_and_show_no_replacement(text: str) -> None:
    nodes = tokens_of(TOKENIZER, text)
    assert b"".join(bytes.fromhex(node["hex"]) for node in nodes).decode() == text
    assert all(node["id"] < TOKENIZER.end_of_text for node in nodes)
    if "\ufffd" not in text:
        assert not any("\ufffd" in node["shown"] + node["merges"] for node in nodes)


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (b" the", "␣the"),
        (b"\n\t\r", "\\n\\t\\r"),
        (b"\xc3", "⟨C3⟩"),
        (b" \xc3", "⟨20 C3⟩"),
        ("×".encode(), "×"),
        (b"\x1b[2J", "\\x1b[2J"),
        ("\ufffd".encode(), "\ufffd"),
        ("\u200b".encode(), "\\u200b"),
    ],
)
def test_bytes_are_shown_as_what_they_are(raw: bytes, seen: str) -> None:
    assert visible(raw) == seen


def test_the_tree_on_a_line(tokenizer: Tokenizer) -> None:
    assert brackets({"shown": "ab", "parts": [{"shown": "a"}, {"shown": "b"}]}) == "(a b)"
    line = brackets(tree(tokenizer, tokenizer.decode_bytes(tokenizer.encode(" the"))[:4]))
    assert line.replace("(", "").replace(")", "").replace(" ", "") == "␣the"


def test_a_special_is_described_by_its_spelling(tokenizer: Tokenizer) -> None:
    assert describe(tokenizer, tokenizer.end_of_text)["text"] == "<|endoftext|>"
