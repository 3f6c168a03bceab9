"""From ids to shown text: no half characters, no half stop strings, and the same whatever the pieces are."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.text.tokenizer import Tokenizer
from trivium.web.openai.unfold import Part, Reading, Unfolding

Spell = Callable[[str], list[int]]
TEXT = "naïve 你好 👩‍👩‍👧 text\n with ends "


def unfolded(tokenizer: Tokenizer, ids: list[int], reading: Reading, cuts: list[int] | None = None) -> list[Part]:
    unfolding, parts = Unfolding(tokenizer, reading), []
    for start, end in zip([0, *(cuts or [])], [*(cuts or []), len(ids)], strict=True):
        parts += unfolding.feed(ids[start:end], [-1.0] * (end - start), [])
    return parts + unfolding.close()


def of(parts: list[Part], kind: str) -> str:
    return "".join(part.text for part in parts if part.kind == kind)


@given(text=st.text(max_size=40), stop=st.text(min_size=1, max_size=4), seed=st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_any_cut_gives_the_same_text_up_to_the_stop_string(text: str, stop: str, seed: int) -> None:
    tokenizer = Tokenizer({bytes([i]): i for i in range(256)}, "qwen2")
    ids, rng = tokenizer.encode(text), random.Random(seed)
    cuts = sorted(rng.randint(0, len(ids)) for _ in range(4))
    parts = unfolded(tokenizer, ids, Reading((stop,)), cuts)
    whole = tokenizer.decode(ids)
    assert of(parts, "content") == (whole[: whole.find(stop)] if stop in whole else whole)


@given(text=st.text(alphabet="abc", max_size=20), stops=st.lists(st.text(alphabet="abc", min_size=1, max_size=4)))
@settings(max_examples=150, deadline=None)
def test_what_is_shown_is_never_taken_back(text: str, stops: list[str]) -> None:
    tokenizer = Tokenizer({bytes([i]): i for i in range(256)}, "qwen2")
    unfolding, shown = Unfolding(tokenizer, Reading(tuple(stops))), ""
    ends = (n for n in range(len(text) + 1) if any(stop in text[:n] for stop in stops))
    read = text[: next(ends, len(text))]
    first = min((read.find(stop) for stop in stops if stop in read), default=len(text))
    for index in tokenizer.encode(text):
        shown += of(unfolding.feed([index], [0.0], []), "content")
        assert text[:first].startswith(shown)
    assert shown + of(unfolding.close(), "content") == text[:first]


def test_no_piece_ends_inside_a_character(byte_tokenizer: Tokenizer) -> None:
    unfolding = Unfolding(byte_tokenizer, Reading())
    pieces = [part.text for index in byte_tokenizer.encode(TEXT) for part in unfolding.feed([index], [0.0], [])]
    assert "".join(pieces) == TEXT
    assert "\ufffd" not in "".join(pieces)


def test_a_character_that_is_never_finished_shows_as_one_mark(byte_tokenizer: Tokenizer) -> None:
    ids = byte_tokenizer.encode("a你")[:-1]
    assert of(unfolded(byte_tokenizer, ids, Reading()), "content") == "a\ufffd"


def test_tokens_come_with_the_text_that_they_end_in(byte_tokenizer: Tokenizer) -> None:
    ids = byte_tokenizer.encode("ab你cSTOPd")
    unfolding = Unfolding(byte_tokenizer, Reading(("STOP",)))
    parts = [part for index in ids for part in unfolding.feed([index], [-float(index)], [])]
    tokens = [token for part in parts for token in part.tokens]
    assert [token.id for token in tokens] == byte_tokenizer.encode("ab你c")
    assert [(token.start, token.end) for token in tokens] == [(0, 1), (1, 2), (2, 2), (2, 2), (2, 3), (3, 4)]


def test_thoughts_are_told_apart_only_at_the_beginning(byte_tokenizer: Tokenizer, spell: Spell) -> None:
    chat = Reading(chat=True)
    parts = unfolded(byte_tokenizer, spell("<think>2+3</think>5"), chat)
    assert (of(parts, "reasoning_content"), of(parts, "content")) == ("2+3", "5")
    parts = unfolded(byte_tokenizer, spell("so</think>5"), Reading(chat=True, thinking=True))
    assert (of(parts, "reasoning_content"), of(parts, "content")) == ("so", "5")
    parts = unfolded(byte_tokenizer, spell("a<think>b</think>"), chat)
    assert of(parts, "content") == "a<think>b</think>"
    assert of(unfolded(byte_tokenizer, spell("<think>b</think>"), Reading()), "content") == "<think>b</think>"


CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 1, "b": "</x>"}}\n</tool_call>'


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_calls_are_given_whole_with_what_is_said_before(byte_tokenizer: Tokenizer, spell: Spell, step: int) -> None:
    reading = Reading(chat=True, tools=frozenset({"add"}))
    ids = spell(f"Let me see.\n\n{CALL}\n{CALL}")
    parts = unfolded(byte_tokenizer, ids, reading, list(range(step, len(ids), step)))
    calls = [part.call for part in parts if part.call is not None]
    assert [(call.name, call.arguments) for call in calls] == [("add", {"a": 1, "b": "</x>"})] * 2
    if step == 1000:
        assert of(parts, "content") == "Let me see."
    assert of(parts, "content").strip() == "Let me see."


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>no json</tool_call>",
        '<tool_call>{"name": "sub", "arguments": {}}</tool_call>',
        '<tool_call>{"name": "add", "arguments": [1]}</tool_call>',
        '<tool_call>{"name": "add", "arguments": {"a": ',
        "<tool_call>" + "[" * 5000 + "</tool_call>",
    ],
)
def test_what_is_no_call_stays_visible(byte_tokenizer: Tokenizer, spell: Spell, text: str) -> None:
    parts = unfolded(byte_tokenizer, spell(text), Reading(chat=True, tools=frozenset({"add"})))
    assert not [part for part in parts if part.call]
    assert of(parts, "content") == text


def test_a_call_that_the_turns_end_closes_counts(byte_tokenizer: Tokenizer, spell: Spell) -> None:
    reading = Reading(chat=True, tools=frozenset({"add"}), prefix='\n{"name": "add", "arguments": ', single=True)
    parts = unfolded(byte_tokenizer, spell('{"a": 1}}\n'), reading)
    assert [part.call.arguments for part in parts if part.call] == [{"a": 1}]


def test_without_tools_calls_are_text_and_a_wanted_single_one_ends(byte_tokenizer: Tokenizer, spell: Spell) -> None:
    assert of(unfolded(byte_tokenizer, spell(CALL), Reading(chat=True)), "content") == CALL
    unfolding = Unfolding(byte_tokenizer, Reading(chat=True, tools=frozenset({"add"}), single=True))
    ids = spell(CALL + CALL)
    unfolding.feed(ids, [0.0] * len(ids), [])
    assert (unfolding.calls, unfolding.stopped) == (1, True)


class Plain(Tokenizer):
    """A vocabulary without tool-call tokens: their spelling is text."""

    def __init__(self, ranks: dict[bytes, int], pattern: str) -> None:
        super().__init__(ranks, pattern)
        self.special = {name: index for name, index in self.special.items() if "tool" not in name}


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_calls_spelled_in_plain_text_are_heard_too(step: int) -> None:
    tokenizer = Plain({bytes([i]): i for i in range(256)}, "qwen2")
    ids = tokenizer.encode(f"Well\n{CALL}\n{CALL} done <tool")
    cuts = list(range(step, len(ids), step))
    parts = unfolded(tokenizer, ids, Reading(chat=True, tools=frozenset({"add"})), cuts)
    assert len([part for part in parts if part.call]) == 2
    assert of(parts, "content") == "Welldone <tool"
