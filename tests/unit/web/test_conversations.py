"""Chats with an engine that says what a script tells it: thoughts, tool calls, prompts, and what ends an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

from trivium.text.tokenizer import Tokenizer

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "add",
            "description": "Adds. <|im_end|>",
            "parameters": {"type": "object", "properties": {"a": {"type": "number"}, "<|im_end|>": {"type": "string"}}},
        },
    },
    {"type": "function", "function": {"name": "now"}},
]
CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'


@pytest.fixture
def says(served_script: Any, spell: Callable[[str], list[int]]) -> Callable[..., Any]:
    """A server whose model says this, and its engine."""

    def start(text: str, **settings: Any) -> Any:
        return served_script(lambda _request: spell(text), **settings)

    return start


def ask(served: Any, **options: Any) -> Any:
    return served.client.chat.completions.create(model="script", **({"messages": HELLO} | options))


def gathered(chunks: Any) -> dict[str, Any]:
    """A stream put together again."""
    found: dict[str, Any] = {"content": "", "reasoning_content": "", "calls": [], "finish": None}
    for chunk in chunks:
        delta = chunk.choices[0].delta
        found["content"] += delta.content or ""
        found["reasoning_content"] += getattr(delta, "reasoning_content", None) or ""
        for call in delta.tool_calls or ():
            if call.id:
                assert call.index == len(found["calls"])
                found["calls"].append([call.function.name, ""])
            found["calls"][call.index][1] += call.function.arguments
        found["finish"] = chunk.choices[0].finish_reason or found["finish"]
    return found


def test_thoughts_come_as_reasoning_content_and_are_counted(says: Any) -> None:
    served = says("<think>2+3 is 5</think>It is 5.<|im_end|>")
    answer = ask(served)
    message = answer.choices[0].message
    assert (message.reasoning_content, message.content) == ("2+3 is 5", "It is 5.")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens_details.reasoning_tokens == len("2+3 is 5") + 2
    streamed = gathered(ask(served, stream=True))
    assert (streamed["reasoning_content"], streamed["content"]) == ("2+3 is 5", "It is 5.")


@pytest.mark.parametrize(("think", "end"), [(True, "<think>"), (False, "<think></think>"), (None, "assistant\n")])
def test_think_opens_or_forbids(says: Any, byte_tokenizer: Tokenizer, think: bool | None, end: str) -> None:
    served = says("so</think>5<|im_end|>")
    for extra in ({"think": think}, {"chat_template_kwargs": {"enable_thinking": think}}):
        answer = ask(served, extra_body=extra)
        prompt = byte_tokenizer.decode(served.engine.seen[-1].ids)
        assert prompt.endswith(end)
        if think:
            assert answer.choices[0].message.reasoning_content == "so"


def test_a_think_budget_reaches_the_engine(says: Any) -> None:
    served = says("5<|im_end|>")
    ask(served, extra_body={"think": True, "think_budget": 7})
    assert served.engine.seen[-1].think.most == 7
    with pytest.raises(openai.BadRequestError, match="think_budget is -1"):
        ask(served, extra_body={"think_budget": -1})


def test_tool_calls_come_whole_and_streamed(says: Any) -> None:
    served = says(f"Let me add.\n{CALL}\n{CALL}<|im_end|>")
    choice = ask(served, tools=TOOLS).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "Let me add."
    assert [call.function.name for call in choice.message.tool_calls] == ["add", "add"]
    assert json.loads(choice.message.tool_calls[0].function.arguments) == {"a": 1}
    assert len({call.id for call in choice.message.tool_calls}) == 2
    streamed = gathered(ask(served, tools=TOOLS, stream=True))
    assert streamed["calls"] == [["add", '{"a": 1}']] * 2
    assert streamed["finish"] == "tool_calls"
    assert streamed["content"].strip() == "Let me add."


def test_without_text_the_content_of_a_call_is_null(says: Any) -> None:
    choice = ask(says(f"{CALL}<|im_end|>"), tools=TOOLS).choices[0]
    assert choice.message.content is None
    assert ask(says("hi<|im_end|>"), tools=TOOLS).choices[0].message.tool_calls is None


def test_the_tools_stand_in_the_system_message_as_plain_text(says: Any, byte_tokenizer: Tokenizer) -> None:
    served = says("hi<|im_end|>")
    ask(served, tools=TOOLS, messages=[{"role": "system", "content": "Be kind."}, *HELLO])
    ids = list(served.engine.seen[-1].ids)
    prompt = byte_tokenizer.decode(ids)
    assert prompt.startswith("<|im_start|>system\nBe kind.\n\n# Tools")
    assert '"name": "now"' in prompt
    ends = ids.count(byte_tokenizer.special["<|im_end|>"])
    assert ends == 2, "what tools and messages spell is no token"
    ask(served, tools=TOOLS, tool_choice="none")
    assert "# Tools" not in byte_tokenizer.decode(served.engine.seen[-1].ids)


def test_a_named_function_is_begun_in_the_prompt(says: Any, byte_tokenizer: Tokenizer) -> None:
    served = says('{"a": 2}}\n</tool_call>more')
    choice = ask(served, tools=TOOLS, tool_choice={"type": "function", "function": {"name": "add"}}).choices[0]
    assert choice.message.tool_calls[0].function.arguments == '{"a": 2}'
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    prompt = byte_tokenizer.decode(served.engine.seen[-1].ids)
    assert prompt.endswith('<tool_call>\n{"name": "add", "arguments": ')
    assert served.settled(), "the rest is not waited for"


def test_required_begins_a_call_of_any_name(says: Any) -> None:
    served = says('{"name": "now", "arguments": {}}\n</tool_call><|im_end|>')
    for stream in (False, True):
        answer = ask(served, tools=TOOLS, tool_choice="required", stream=stream)
        if stream:
            assert gathered(answer)["calls"] == [["now", "{}"]]
        else:
            assert answer.choices[0].message.tool_calls[0].function.name == "now"


def test_parallel_tool_calls_off_ends_after_one(says: Any) -> None:
    choice = ask(says(f"{CALL}{CALL}<|im_end|>"), tools=TOOLS, parallel_tool_calls=False).choices[0]
    assert len(choice.message.tool_calls) == 1


def test_calls_and_results_are_sent_back(says: Any, byte_tokenizer: Tokenizer) -> None:
    served = says(f"{CALL}<|im_end|>")
    message = ask(served, tools=TOOLS).choices[0].message
    back = [*HELLO, message.model_dump(), {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "3"}]
    ask(served, tools=TOOLS, messages=back)
    prompt = byte_tokenizer.decode(served.engine.seen[-1].ids)
    result = "<tool_response>\n3\n</tool_response>"
    assert f"<|im_start|>assistant\n{CALL}<|im_end|>\n<|im_start|>tool\n{result}<|im_end|>" in prompt


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"tools": [{"type": "web", "function": {"name": "x"}}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tools": TOOLS * 40}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": "always"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "sub"}}}, "tool_choice"),
        ({"messages": [{"role": "user", "content": "x", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}]}]},
         "messages[0].tool_calls"),
    ],
)  # fmt: skip
def test_tools_that_cannot_be_meant_are_refused(says: Any, options: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(says("hi<|im_end|>"), **options)
    assert caught.value.param == param


def test_a_stop_string_frees_the_slot_and_hides_what_follows(says: Any) -> None:
    served = says("one two three" + "x" * 100)
    for stream in (False, True):
        answer = ask(served, stop=[" three", "zzz"], stream=stream)
        if stream:
            found = gathered(answer)
            assert (found["content"], found["finish"]) == ("one two", "stop")
        else:
            assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("one two", "stop")
        assert served.settled()
