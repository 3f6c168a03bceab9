"""Rows become conversations in one form; what cannot is refused with its reason, and nothing else stops."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.ground.errors import UsageError
from trivium.text.conversations.alike import likeness, place
from trivium.text.conversations.forms import REASONS, NoConversation, conversation_of
from trivium.text.conversations.rows import rows_of

HELLO = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi."}]
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["messages", "role", "content", "tool_calls", "from", "value", "tools"]), inner
        )
    ),
    max_leaves=12,
)


def reason_of(value: Any) -> str:
    with pytest.raises(NoConversation) as caught:
        conversation_of(value)
    assert caught.value.mend
    return caught.value.reason


def turn(**more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Add."}, {"role": "assistant", "content": "", **more}]}


def test_openais_form_is_taken_as_it_is() -> None:
    assert conversation_of({"messages": HELLO}) == HELLO
    parts = [{"role": "user", "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]}, HELLO[1]]
    assert conversation_of({"messages": parts}) == HELLO
    assert conversation_of({"messages": [{"role": "developer", "content": "Be brief."}, *HELLO]})[0]["role"] == "system"


def test_other_forms_become_ours() -> None:
    share = {"conversations": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hi."}]}
    assert conversation_of(share) == HELLO
    assert conversation_of({"instruction": "Hello", "input": "", "output": "Hi."}) == HELLO
    assert conversation_of({"instruction": "A", "input": "B", "output": "C"})[0]["content"] == "A\n\nB"
    called = [{"from": "human", "value": "Add."},
              {"from": "function_call", "value": '{"name": "add", "arguments": {}}'},
              {"from": "observation", "value": "3"}, {"from": "gpt", "value": "3"}]  # fmt: skip
    assert [m["role"] for m in conversation_of({"conversations": called})] == ["user", "assistant", "tool", "assistant"]


def test_thoughts_calls_and_tools_find_their_place() -> None:
    found = conversation_of(turn(content="<think>1 and 1</think>\n2"))[1]
    assert (found["reasoning_content"], found["content"]) == ("1 and 1", "2")
    spec = {"name": "add", "parameters": {}}
    value = turn(tool_calls=[CALL]) | {"tools": json.dumps([{"type": "function", "function": spec}])}
    system, _, reply = conversation_of(value)
    assert system == {"role": "system", "content": "", "tools": [spec]}
    assert reply["tool_calls"][0]["function"] == {"name": "add", "arguments": {"a": 1}}
    with_system = {"messages": [{"role": "system", "content": "Be brief."}, *HELLO], "tools": [spec]}
    assert conversation_of(with_system)[0] == {"role": "system", "content": "Be brief.", "tools": [spec]}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "no_messages"),
        ({"text": "x"}, "no_messages"),
        ({"messages": "x"}, "no_messages"),
        ({"messages": ["x"]}, "bad_message"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "bad_message"),
        ({"messages": [{"role": "user", "content": 3}]}, "bad_content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "bad_content"),
        (turn(content="x", reasoning_content=3), "bad_content"),
        (turn(tool_calls="x"), "bad_tools"),
        (turn(tool_calls=[{"function": {"name": "f", "arguments": "no json"}}]), "bad_tools"),
        (turn(function_call={"name": "f"}), "bad_tools"),
        ({"messages": HELLO, "tools": [3]}, "bad_tools"),
        ({"messages": [*HELLO, {"role": "tool", "content": "3"}]}, "stray_tool"),
        (turn(content=" "), "empty_turn"),
        ({"messages": [{"role": "user", "content": "  "}]}, "empty_turn"),
        ({"messages": HELLO[:1]}, "no_assistant"),
        (turn(content="x", weight=0), "no_assistant"),
        (turn(content="x", weight=0.5), "bad_message"),
    ],
)
def test_what_is_no_conversation_has_its_reason(value: Any, reason: str) -> None:
    assert reason_of(value) == reason
    assert reason in REASONS


@given(value=JSON)
def test_no_value_whatever_brings_another_error(value: Any) -> None:
    try:
        messages = conversation_of(value)
    except NoConversation as error:
        assert error.reason in REASONS
    else:
        assert any(message["role"] == "assistant" for message in messages)


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet", ".json"])
def test_every_kind_of_file_gives_the_same_rows(ending: str, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, values = tmp_path / f"some{ending}", [{"messages": HELLO}, {"messages": [*HELLO, *HELLO]}]
    text = "\n".join(json.dumps(value) for value in values).encode()
    if ending == ".parquet":
        pq.write_table(pa.Table.from_pylist(values), path)
    elif ending == ".json":
        path.write_text(json.dumps(values, indent=1))
    elif ending.endswith(".gz"):
        path.write_bytes(gzip.compress(text))
    elif ending.endswith(".zst"):
        with pa.OSFile(str(path), "wb") as raw, pa.CompressedOutputStream(raw, "zstd") as out:
            out.write(text)
    else:
        path.write_bytes(text)
    rows = list(rows_of(path))
    assert [row.number for row in rows] == [1, 2]
    assert [conversation_of(row.value) for row in rows] == [value["messages"] for value in values]


def test_a_bad_line_has_its_number_and_those_after_it_are_read(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": "\xe2\x80\xa8"}\n\n{oops\n\xff\xfe\n{"a": 2}\r\n' + b"[" * 100_000)
    rows = list(rows_of(path))
    assert [(row.number, row.value, bool(row.damage)) for row in rows] == [
        (1, {"a": "\u2028"}, False), (3, None, True), (4, None, True), (5, {"a": 2}, False), (6, None, True),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["missing.jsonl", "some.txt", "cut.jsonl.gz", "cut.parquet", "cut.json"])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name.startswith("cut"):
        path.write_bytes(gzip.compress(b'{"a": 1}\n' * 5000)[:40] if name.endswith(".gz") else b"[{")
    elif name == "some.txt":
        path.write_text("hello")
    with pytest.raises(UsageError, match=name):
        list(rows_of(path))


def test_the_same_words_are_alike_and_equal_questions_stay_together() -> None:
    other = [{"role": "user", "content": "hello!"}, {"role": "assistant", "content": "  HI"}]
    assert likeness(HELLO) == likeness(other) != likeness([HELLO[0], {"role": "assistant", "content": "Ho."}])
    assert likeness(HELLO) != likeness([{**HELLO[0], "role": "system"}, HELLO[1]])
    assert place(HELLO) == place([other[0], {"role": "assistant", "content": "Ho."}])
    assert 0 <= place(HELLO) < 1
