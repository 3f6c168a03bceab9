"""Tool calls as text, in the form of Hermes: `<tool_call>{"name": …, "arguments": …}</tool_call>`.

Which functions there are stands in the system message. The form is the one that Hermes and Qwen models were taught.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CALL, CALL_END = "<tool_call>", "</tool_call>"


@dataclass(frozen=True)
class Call:
    """A function's name and its arguments, JSON as text."""

    name: str
    arguments: str


def instructions(tools: Sequence[Mapping[str, Any]]) -> str:
    """What the system message says of the tools (each `{"type": "function", "function": {…}}`)."""
    lines = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    return (
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        "You are provided with function signatures within <tools></tools> XML tags:\n"
        f"<tools>\n{lines}\n</tools>\n\n"
        "For each function call, return a json object with function name and arguments within "
        f"{CALL}{CALL_END} XML tags:\n"
        f'{CALL}\n{{"name": <function-name>, "arguments": <args-json-object>}}\n{CALL_END}'
    )


def told(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The messages with the tools' instructions at the end of the system message, one being made if there is none."""
    if not tools:
        return list(messages)
    if messages and messages[0].get("role") == "system":
        content = f"{messages[0].get('content') or ''}\n\n{instructions(tools)}"
        return [{**messages[0], "content": content.strip()}, *messages[1:]]
    return [{"role": "system", "content": instructions(tools)}, *messages]


def spelled(call: Mapping[str, Any]) -> str:
    """What stands between the tags for an OpenAI-style tool call (`{"function": {"name", "arguments"}}`)."""
    function = call["function"]
    arguments = unpacked(function.get("arguments"))
    return f"\n{json.dumps({'name': function['name'], 'arguments': arguments}, ensure_ascii=False)}\n"


def flat(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The messages for a template that knows no calls: they become text, and a tool's result comes from the user."""
    found: list[Mapping[str, Any]] = []
    for message in messages:
        calls = "".join(f"\n{CALL}{spelled(call)}{CALL_END}" for call in message.get("tool_calls") or ())
        content = f"{message.get('content') or ''}{calls}".strip() if calls else message.get("content") or ""
        if message.get("role") == "tool":
            found.append({"role": "user", "content": f"<tool_response>\n{content}\n</tool_response>"})
        else:
            found.append({**{key: value for key, value in message.items() if key != "tool_calls"}, "content": content})
    return found


def unpacked(arguments: Any) -> Any:
    """Arguments as a value: OpenAI sends them as JSON text. Text that is no JSON stays text."""
    if not isinstance(arguments, str):
        return {} if arguments is None else arguments
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


def heard(text: str) -> Call | None:
    """The call that stands between the tags; None for what is no JSON object with a name and arguments."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    arguments = value.get("arguments", value.get("parameters", {}))
    if not isinstance(arguments, dict):
        return None
    return Call(value["name"], json.dumps(arguments, ensure_ascii=False))
