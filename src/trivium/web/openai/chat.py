"""/v1/chat/completions: a conversation's next turn, whole or streamed."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

from trivium.text.hermes import Call
from trivium.text.tokenizer import Tokenizer
from trivium.web.openai.flow import Choice, Flow, Head
from trivium.web.openai.plan import Plan
from trivium.web.openai.unfold import Part, Token


def token_entry(tokenizer: Tokenizer, index: int, logprob: float) -> dict[str, Any]:
    """One token in the shape of `logprobs.content`: text, bytes, log-probability."""
    raw = tokenizer.decode_bytes([index])
    return {"token": raw.decode("utf-8", "replace"), "logprob": logprob, "bytes": list(raw)}


def entries(tokenizer: Tokenizer, tokens: list[Token]) -> list[dict[str, Any]]:
    """Tokens with their likeliest alternatives; among those a token has the figure that it has by itself."""
    found = []
    for token in tokens:
        best = [(index, token.logprob if index == token.id else logprob) for index, logprob in token.top]
        told = [token_entry(tokenizer, index, logprob) for index, logprob in best]
        found.append(token_entry(tokenizer, token.id, token.logprob) | {"top_logprobs": told})
    return found


def logprobs_of(plan: Plan, tokenizer: Tokenizer, parts: list[Part]) -> dict[str, Any] | None:
    """The `logprobs` of a choice: of what is said, and, beside OpenAI's fields, of the thoughts."""
    if not plan.logprobs:
        return None
    said = [token for part in parts if part.kind == "content" for token in part.tokens]
    thought = [token for part in parts if part.kind == "reasoning_content" for token in part.tokens]
    found: dict[str, Any] = {"content": entries(tokenizer, said), "refusal": None}
    if thought:
        found["reasoning_content"] = entries(tokenizer, thought)
    return found


async def whole(flow: Flow, plan: Plan, tokenizer: Tokenizer, head: Head) -> dict[str, Any]:
    """The answer in one piece. Raises Refusal."""
    parts: list[list[Part]] = [[] for _ in plan.requests]
    async for choice, new in flow:
        parts[choice.index] += new
    choices = [_choice(choice, parts[choice.index], plan, tokenizer) for choice in flow.choices]
    return {**head.fields("chat.completion"), "choices": choices, "usage": flow.usage()}


def _choice(choice: Choice, parts: list[Part], plan: Plan, tokenizer: Tokenizer) -> dict[str, Any]:
    said = "".join(part.text for part in parts if part.kind == "content")
    thought = "".join(part.text for part in parts if part.kind == "reasoning_content")
    calls = [call_of(part.call) for part in parts if part.call is not None]
    message: dict[str, Any] = {"role": "assistant", "content": said or (None if calls else ""), "refusal": None}
    if thought:
        message["reasoning_content"] = thought
    if calls:
        message["tool_calls"] = calls
    found = {"index": choice.index, "message": message, "logprobs": logprobs_of(plan, tokenizer, parts)}
    return {**found, "finish_reason": choice.finish}


def call_of(call: Call) -> dict[str, Any]:
    """A tool call as a message holds it."""
    about = {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)}
    return {"id": f"call_{secrets.token_hex(12)}", "type": "function", "function": about}


def deltas(part: Part, number: int) -> list[dict[str, Any]]:
    """A part as a stream's deltas: a call by its name first, then its arguments."""
    if part.call is None:
        return [{part.kind: part.text}]
    whole = call_of(part.call)
    first = {**whole, "index": number, "function": {"name": part.call.name, "arguments": ""}}
    then = {"index": number, "function": {"arguments": json.dumps(part.call.arguments, ensure_ascii=False)}}
    return [{"tool_calls": [first]}, {"tool_calls": [then]}]


async def streamed(flow: Flow, plan: Plan, tokenizer: Tokenizer, head: Head) -> AsyncIterator[dict[str, Any]]:
    """The answer in chunks; the usage is the last one when it was asked for. Raises Refusal."""
    fields = head.fields("chat.completion.chunk") | ({"usage": None} if plan.usage else {})

    def chunk(index: int, delta: dict[str, Any], finish: str | None = None, logprobs: Any = None) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return {**fields, "choices": [choice]}

    calls: dict[int, int] = {}
    async for choice, parts in flow:
        if choice.index not in calls:
            calls[choice.index] = 0
            yield chunk(choice.index, {"role": "assistant", "content": ""})
        for part in parts:
            logprobs = logprobs_of(plan, tokenizer, [part]) if part.tokens else None
            for delta in deltas(part, calls[choice.index]):
                yield chunk(choice.index, delta, None, logprobs)
            calls[choice.index] += part.call is not None
        if choice.finish is not None:
            yield chunk(choice.index, {}, choice.finish)
    if plan.usage:
        yield {**fields, "choices": [], "usage": flow.usage()}
