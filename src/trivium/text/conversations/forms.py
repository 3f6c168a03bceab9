"""A row as a conversation in our form, or the reason why it is none.

Taken are OpenAI's form (`messages`, with `tools` beside it), ShareGPT's (`conversations` of `from` and `value`) and
Alpaca's (`instruction`, `input`, `output`). A tool's spec moves into the system message, thoughts written as
`<think>…</think>` into `reasoning_content`, content in parts becomes one text. Nothing else is changed, and nothing
that a row says is left out in silence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from trivium.text import hermes

Conversation = list[dict[str, Any]]
ROLE_OF = {
    "system": "system", "developer": "system", "user": "user", "human": "user", "assistant": "assistant",
    "gpt": "assistant", "tool": "tool", "observation": "tool",
}  # fmt: skip
KEPT = ("name", "tool_call_id")
_THOUGHTS = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)

REASONS = {
    "bad_json": "the line is no JSON",
    "no_messages": "the row holds no messages",
    "bad_message": "a message is no object with a known role",
    "bad_content": "a content is no text",
    "bad_tools": "tools or tool calls are not in OpenAI's form",
    "stray_tool": "a tool answers, and nothing called it",
    "empty_turn": "a turn says nothing",
    "no_assistant": "no assistant speaks, so nothing can be taught",
}


class NoConversation(Exception):
    """Why a row is no conversation: a reason to count by, what is wrong, and the mend."""

    def __init__(self, reason: str, what: str, mend: str) -> None:
        super().__init__(what)
        self.reason, self.what, self.mend = reason, what, mend


def conversation_of(value: Any) -> Conversation:
    """The row's messages in our form. Raises NoConversation."""
    if not isinstance(value, Mapping):
        raise NoConversation("no_messages", f"it is a {type(value).__name__}", 'Write {"messages": [...]}.')
    given = value.get("messages") or value.get("conversations") or _alpaca(value)
    if not isinstance(given, Sequence) or isinstance(given, str | bytes) or not given:
        keys = ", ".join(map(str, list(value)[:6])) or "nothing"
        raise NoConversation("no_messages", f"it has {keys}, and no messages", 'Write {"messages": [...]}.')
    messages: Conversation = []
    for number, message in enumerate(given, 1):
        try:
            messages.append(_message(message, messages))
        except NoConversation as error:
            raise NoConversation(error.reason, f"message {number}: {error.what}", error.mend) from None
    if not any(_teaches(message) for message in messages):
        raise NoConversation("no_assistant", "no assistant speaks", "Give a reply to learn.")
    return _with_tools(messages, value.get("tools"))


def _alpaca(value: Mapping[str, Any]) -> Conversation | None:
    asked, more, answer = (value.get(key) for key in ("instruction", "input", "output"))
    if not isinstance(asked, str) or not isinstance(answer, str):
        return None
    content = f"{asked}\n\n{more}" if isinstance(more, str) and more.strip() else asked
    return [{"role": "user", "content": content}, {"role": "assistant", "content": answer}]


def _teaches(message: Mapping[str, Any]) -> bool:
    return bool(message["role"] == "assistant" and message.get("weight", 1) != 0)


def _message(given: Any, before: Conversation) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise NoConversation("bad_message", f"it is a {type(given).__name__}", 'Write {"role": ..., "content": ...}.')
    if given.get("from") == "function_call":
        given = {"role": "assistant", "tool_calls": [hermes.unpacked(given.get("value"))]}
    role = ROLE_OF.get(str(given.get("role") or given.get("from")))
    if role is None:
        said = given.get("role", given.get("from"))
        raise NoConversation("bad_message", f"role {said!r}", "Roles are system, user, assistant, tool.")
    content = _text(given.get("content") if "role" in given else given.get("value"))
    message: dict[str, Any] = {"role": role, "content": content}
    message |= {key: given[key] for key in KEPT if given.get(key) is not None}
    if role == "assistant":
        message |= _assistant(given, content)
    elif given.get("tool_calls") or given.get("function_call"):
        raise NoConversation("bad_tools", f"the {role} calls a tool", "Only an assistant does.")
    if role == "tool" and not (before and (before[-1]["role"] == "tool" or before[-1].get("tool_calls"))):
        raise NoConversation("stray_tool", "a tool answers that nothing called", "Put the call before it.")
    if role == "user" and not content.strip():
        raise NoConversation("empty_turn", "the user says nothing", "Give it a content, or leave it out.")
    return message


def _assistant(given: Mapping[str, Any], content: str) -> dict[str, Any]:
    """What an assistant's message has beside its role: thoughts, calls, and whether it is taught."""
    found: dict[str, Any] = {"content": content}
    thoughts = given.get("reasoning_content")
    if thoughts is None and (inside := _THOUGHTS.match(content)):
        thoughts, found["content"] = inside[1], content[inside.end() :]
    if thoughts is not None:
        if not isinstance(thoughts, str):
            raise NoConversation("bad_content", "reasoning_content is no text", "Give a string.")
        found["reasoning_content"] = thoughts
    if given.get("function_call"):
        raise NoConversation("bad_tools", "function_call is OpenAI's old form", "Write tool_calls.")
    calls = given.get("tool_calls")
    if calls:
        found["tool_calls"] = _calls(calls)
    weight = given.get("weight")
    if weight is not None:
        if weight not in (0, 1):
            raise NoConversation("bad_message", f"weight {weight!r}", "0 (not taught) or 1.")
        found["weight"] = int(weight)
    if not (found["content"].strip() or calls):
        raise NoConversation("empty_turn", "the assistant says nothing", "Give it a content or a call.")
    return found


def _text(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, Mapping) else None for part in content]
        texts = [part for part in parts if isinstance(part, str)]
        if len(texts) != len(parts):
            raise NoConversation("bad_content", "a part of the content is no text", "Pictures and sound are not read.")
        content = "".join(texts)
    if not isinstance(content, str):
        raise NoConversation("bad_content", f"the content is a {type(content).__name__}", "Give a string.")
    return content


def _calls(calls: Any) -> list[dict[str, Any]]:
    if not isinstance(calls, list) or not all(hermes.is_call(call) for call in calls):
        raise NoConversation("bad_tools", "tool_calls is no list of calls", "Each has a function: name and arguments.")
    found = []
    for call in calls:
        function = call.get("function", call)
        arguments = hermes.unpacked(function.get("arguments"))
        if not isinstance(arguments, Mapping):
            raise NoConversation(
                "bad_tools", f"the arguments of {function['name']} are no JSON object", "Give an object, or its JSON."
            )
        about = {"name": function["name"], "arguments": dict(arguments)}
        found.append({**({"id": call["id"]} if call.get("id") else {}), "type": "function", "function": about})
    return found


def _with_tools(messages: Conversation, tools: Any) -> Conversation:
    """The conversation with the tools that the row tells of in its system message, one made where there is none."""
    if isinstance(tools, str):
        tools = hermes.unpacked(tools) if tools.strip() else None
    if not tools:
        return messages
    specs = [tool.get("function", tool) if isinstance(tool, Mapping) else None for tool in _list(tools)]
    if not all(isinstance(spec, Mapping) and isinstance(spec.get("name"), str) for spec in specs):
        raise NoConversation("bad_tools", "tools is no list of specs", "Each has a function with a name.")
    plain = json.loads(json.dumps(specs))
    if messages[0]["role"] == "system":
        return [{**messages[0], "tools": plain}, *messages[1:]]
    return [{"role": "system", "content": "", "tools": plain}, *messages]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [None]
