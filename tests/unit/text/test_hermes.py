"""Tool calls as text: told and heard, in our own format and by foreign templates; nothing in them becomes structure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign_tokenizers import FAMILIES, build
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.text import hermes
from trivium.text.chat import prompt, render
from trivium.text.tokenizer import SPECIALS, Tokenizer

ASK = [{"role": "user", "content": "What is 1+2?"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1, "b": [2]}'}}
TALK: list[dict[str, Any]] = [
    *ASK,
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "3"},
]
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=8), st.sampled_from(SPECIALS)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


def tool(name: str = "add", **properties: Any) -> dict[str, Any]:
    return {"name": name, "parameters": {"type": "object", "properties": properties}}


def told(talk: list[dict[str, Any]], *tools: dict[str, Any]) -> list[dict[str, Any]]:
    """The conversation whose system message tells of tools."""
    first, rest = (talk[0], talk[1:]) if talk[0]["role"] == "system" else ({"role": "system", "content": ""}, talk)
    return [{**first, "tools": list(tools)}, *rest]


@settings(max_examples=100, deadline=None)
@given(arguments=st.dictionaries(st.text(max_size=6), values, max_size=3))
def test_what_is_called_is_heard_again(arguments: dict[str, Any]) -> None:
    call = {"function": {"name": "add", "arguments": json.dumps(arguments)}}
    assert hermes.understood(hermes.bodies([call])[0]) == hermes.Call("add", arguments)


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"name": 1}', '{"name": "x", "arguments": "y"}', "{'name': 'x'}", "[" * 9999]
)
def test_what_is_no_call_is_not_heard(text: str) -> None:
    assert isinstance(hermes.understood(text), hermes.BrokenCall)


def test_calls_without_arguments_and_with_the_other_word_are_heard() -> None:
    assert hermes.understood('{"name": "now"}') == hermes.Call("now", {})
    assert hermes.understood('{"name": "f", "parameters": {"a": 1}}') == hermes.Call("f", {"a": 1})


def test_the_conversation_on_the_wire(byte_tokenizer: Tokenizer) -> None:
    text = byte_tokenizer.decode(prompt(byte_tokenizer, told(TALK, tool())))
    assert text.startswith("<|im_start|>system\n# Tools\n")
    called = '<tool_call>\n{"name": "add", "arguments": {"a": 1, "b": [2]}}\n</tool_call>'
    result = "<tool_response>\n3\n</tool_response>"
    assert (
        f"<|im_start|>assistant\n{called}<|im_end|>\n<|im_start|>tool\n{result}<|im_end|>\n<|im_start|>assistant\n"
        in text
    )
    system = {"role": "system", "content": "Be kind."}
    text = byte_tokenizer.decode(prompt(byte_tokenizer, told([system, *ASK], tool())))
    assert text.startswith("<|im_start|>system\nBe kind.\n\n# Tools")
    assert text.count("<|im_start|>system") == 1


def test_a_call_is_taught(byte_tokenizer: Tokenizer) -> None:
    rendered = render(byte_tokenizer, TALK)
    taught = byte_tokenizer.decode([i for i, mask in zip(rendered.ids, rendered.mask, strict=True) if mask])
    assert taught.startswith("<tool_call>\n{")
    assert taught.endswith("</tool_call><|im_end|>")


@settings(max_examples=100, deadline=None)
@given(
    described=values, name=st.text(max_size=6), arguments=st.dictionaries(st.sampled_from(SPECIALS), values, max_size=2)
)
def test_no_tool_and_no_call_spells_a_special_token(
    byte_tokenizer: Tokenizer, described: Any, name: str, arguments: dict[str, Any]
) -> None:
    called = {"role": "assistant", "content": "", "tool_calls": [
        {"function": {"name": name, "arguments": json.dumps(arguments)}}]}  # fmt: skip
    ids = prompt(byte_tokenizer, told([*ASK, called], tool("<|im_end|>", x=described)))
    found = [index for index in ids if index >= byte_tokenizer.end_of_text]
    calling = ["<|im_start|>", "<tool_call>", "</tool_call>", "<|im_end|>"]  # the form shown, and the call
    names = [*calling, "<|im_start|>", "<|im_end|>", *calling, "<|im_start|>"]
    assert found == [byte_tokenizer.special[name] for name in names]


KNOWING = (
    "{% if tools %}{{ '<|im_start|>system\\n' }}{% for tool in tools %}{{ tool | tojson }}{{ '\\n' }}{% endfor %}"
    "{{ '<|im_end|>\\n' }}{% endif %}"
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + (message.content or '') }}"
    "{% for call in message.tool_calls or [] %}"
    '{{ \'<tool_call>\\n{"name": "\' + call.function.name + \'", "arguments": \' }}'
    "{{ call.function.arguments | tojson }}{{ '}\\n</tool_call>' }}{% endfor %}{{ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def opened(family: str, folder: Path, template: str | None = None) -> Tokenizer:
    build(family, folder)
    found = Tokenizer.open(folder)
    found.template = template or found.template
    return found


def test_a_template_that_knows_tools_writes_them_itself(tmp_path: Path) -> None:
    ours = opened("qwen", tmp_path, KNOWING)
    text = ours.decode(prompt(ours, told(TALK, tool(a={"type": "number"}))))
    assert '"properties": {"a": {"type": "number"}}' in text
    assert '<tool_call>\n{"name": "add", "arguments": {"a": 1, "b": [2]}}\n</tool_call>' in text
    assert "# Tools" not in text


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "plain"])
def test_a_template_that_knows_none_gets_text(family: str, tmp_path: Path) -> None:
    ours = opened(family, tmp_path)
    text = ours.decode(prompt(ours, told(TALK, tool())))
    for part in ("# Tools", '{"name": "add", "arguments": {"a": 1, "b": [2]}}', "<tool_response>\n3\n</tool_response>"):
        assert part in text


@pytest.mark.parametrize("template", [None, KNOWING])
@pytest.mark.parametrize("key", ["role", "x", "name"])
def test_foreign_templates_make_no_structure_of_tools(template: str | None, key: str, tmp_path: Path) -> None:
    ours = opened("qwen", tmp_path, template)

    def structure(word: str) -> list[int]:
        called = {"function": {"name": "add", "arguments": json.dumps({word: word, key: word, "deep": [{key: word}]})}}
        talk = [*ASK, {"role": "assistant", "content": "", "tool_calls": [called]}]
        ids = prompt(ours, told(talk, tool(**{word: {key: word}, "y": word})))
        return [index for index in ids if index in ours.special.values()]

    plain = structure("hello")
    for text in ours.special:
        assert structure(text) == plain, text
        assert structure(f"a{text}\n{text}b") == plain
