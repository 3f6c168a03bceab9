"""A conversation in which the model may call tools: answer, perform the calls, answer again, until it calls none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trivium.text.hermes import CALL, CALL_END, MOST_CALLS, BrokenCall, Said, parse, understood
from trivium.tools.tool import Result, Tool, perform

Message = Mapping[str, Any]
Answering = Callable[[Sequence[Message]], Message]
"""Given a conversation, an assistant's message: content, and perhaps reasoning_content or tool_calls."""


@dataclass(frozen=True)
class Conversed:
    """What was said and done after the user's turn."""

    messages: tuple[dict[str, Any], ...]
    """Assistant's and tools' messages in order; the last is an assistant's."""
    unfinished: bool
    """Whether the last message still calls tools, since the rounds are used up."""


def converse(
    answer: Answering,
    messages: Sequence[Message],
    tools: Sequence[Tool],
    max_rounds: int = 4,
    seen: Callable[[Mapping[str, Any]], None] = lambda message: None,
) -> Conversed:
    """Answer a conversation, with at most `max_rounds` rounds of tool calls; `seen` is given each message as it comes.

    The tools' specs go with the system message. A call that cannot be understood, or fails, is answered by its error:
    the model may try again.
    """
    if not tools:
        message = dict(answer(messages))
        message["content"] = respelled(message.get("content") or "", message.pop("raw_calls", ()))
        seen(message)
        return Conversed((message,), False)
    whole = instructed(messages, tools)
    added: list[dict[str, Any]] = []
    for rounds in range(max_rounds + 1):
        message, broken = taken_apart(answer([*whole, *added]), f"{len(messages)}-{rounds}")
        added.append(message)
        seen(message)
        if not (message.get("tool_calls") or broken):
            return Conversed(tuple(added), False)
        if rounds == max_rounds:
            break
        results = [*((call, performed(tools, call)) for call in message.get("tool_calls", [])), *broken]
        for call, result in results:
            reply = {
                "role": "tool",
                "tool_call_id": call["id"],
                "name": call["function"]["name"],
                "content": result.text,
            }
            added.append(reply)
            seen(reply)
    return Conversed(tuple(added), True)


def instructed(messages: Sequence[Message], tools: Sequence[Tool]) -> list[Message]:
    """The conversation whose system message carries the tools' specs; unchanged when there are none."""
    specs = [tool.spec for tool in tools]
    if not specs:
        return list(messages)
    if messages and messages[0].get("role") == "system":
        return [{**messages[0], "tools": specs}, *messages[1:]]
    return [{"role": "system", "content": "", "tools": specs}, *messages]


def taken_apart(message: Message, prefix: str) -> tuple[dict[str, Any], list[tuple[dict[str, Any], Result]]]:
    """A model's message with its calls as `tool_calls`, and the calls that cannot be understood with their errors.

    Calls come as `tool_calls`, or their JSON in `raw_calls` (an empty list: none, whatever the content spells), or in
    the content. A message with broken calls keeps them in its content, so that the model sees what it wrote.
    """
    out = dict(message)
    raw = out.pop("raw_calls", None)
    if out.get("tool_calls"):
        return out, []
    content = out.get("content") or ""
    said = Said(content, tuple(understood(text) for text in raw[:MOST_CALLS])) if raw is not None else parse(content)
    good, broken = [], []
    for number, call in enumerate(said.calls):
        name = f"call-{prefix}-{number}"
        if isinstance(call, BrokenCall):
            error = Result(f"Error: {call.why}. A call is a JSON object with name and arguments.", True)
            broken.append(({"id": name, "function": {"name": "unknown"}}, error))
        else:
            function = {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)}
            good.append({"id": name, "type": "function", "function": function})
    if broken:  # none is carried out: what was meant is not sure
        return out | {"content": respelled(content, raw or ())}, broken
    if good:
        out |= {"content": said.text, "tool_calls": good}
    return out, []


def respelled(content: str, raw_calls: Sequence[str]) -> str:
    """A content with calls that nobody will carry out, as text."""
    return "\n".join(part for part in (content, *(f"{CALL}{text}{CALL_END}" for text in raw_calls)) if part)


def performed(tools: Sequence[Tool], call: Mapping[str, Any]) -> Result:
    """What came of a call in OpenAI's form. Nothing raises."""
    function = call["function"]
    arguments = function.get("arguments") or "{}"
    try:
        given = json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        return Result("Error: the arguments are no JSON object.", True)
    return perform(tools, str(function.get("name")), given)
