"""Conversations of foreign models: written by their own template, cut into ids, with a loss mask, and read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trivium.ground.errors import UsageError
from trivium.text import hermes
from trivium.text.sandbox import Masks, write
from trivium.text.tokenizer import THINK, THINK_END, TURN_START, Tokenizer

Message = Mapping[str, Any]


def written(
    tokenizer: Tokenizer, messages: Sequence[Message], answer_next: bool, think: bool | None = None
) -> list[int]:
    """The ids that the model's own template gives these messages; with `answer_next`, up to where the answer begins.

    Raises UsageError when the template refuses them or, with `think`, knows no `enable_thinking`.
    """
    assert tokenizer.template is not None
    if think is not None and "enable_thinking" not in tokenizer.template:
        raise UsageError("This model's chat template cannot open or forbid thinking.", "Leave --think out.")
    messages, tools = _tools_apart(messages, "tools" in tokenizer.template)
    messages = [_unpacked(message) for message in messages]
    if any(message.get("tool_calls") for message in messages) and "tool_calls" not in tokenizer.template:
        messages = hermes.flat(messages)
    masks = Masks(tokenizer.special, list(_texts([*messages, *tools])))
    variables: dict[str, Any] = {**getattr(tokenizer, "names", {}), "add_generation_prompt": answer_next}
    if tools:
        variables["tools"] = masks.hide([hermes.wrapped(tool) for tool in tools])
    if think is not None:
        variables["enable_thinking"] = think
    hidden = [{**masks.hide(message), "role": message["role"]} for message in messages]
    text = write(tokenizer.template, hidden, variables)
    ids: list[int] = []
    for special, piece in masks.cut(text):
        ids += [tokenizer.special[piece]] if special else tokenizer.encode(piece)
    return ids


def _tools_apart(messages: Sequence[Message], known: bool) -> tuple[Sequence[Message], list[Any]]:
    """The messages without the specs of tools, and these; a template that knows of no tools has them told as text."""
    first = messages[0] if messages else {}
    if not first.get("tools"):
        return messages, []
    rest = {key: value for key, value in first.items() if key != "tools"}
    content = str(rest.get("content") or "")
    if known:
        return ([{**rest, "content": content}] if content else []) + list(messages[1:]), list(first["tools"])
    return [{**rest, "content": f"{content}\n\n{hermes.told(first['tools'])}".strip()}, *messages[1:]], []


def taught(tokenizer: Tokenizer, messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
    """The conversation's ids, and for each whether it is an assistant's: its words and the end of its turn.

    Raises UsageError when the template writes earlier turns otherwise once later ones are there: no mask is true then.
    """
    ids = written(tokenizer, messages, False)
    mask = [False] * len(ids)
    for place, message in enumerate(messages):
        if message["role"] != "assistant" or message.get("weight", 1) == 0:
            continue
        start, end = _turn(tokenizer, messages, place, ids)
        mask[start:end] = [True] * (end - start)
    return ids, mask


def taught_apart(tokenizer: Tokenizer, messages: Sequence[Message]) -> list[tuple[list[int], list[bool]]]:
    """What `taught` gives; where that cannot be, each assistant's turn with all before it, itself alone taught.

    Raises UsageError when the opening that the template gives to an answer is no part of the answered conversation.
    """
    try:
        return [taught(tokenizer, messages)]
    except UsageError:
        if sum(message["role"] == "assistant" for message in messages) < 2:
            raise
    found = []
    for place, message in enumerate(messages):
        if message["role"] == "assistant" and message.get("weight", 1) != 0:
            ids = written(tokenizer, messages[: place + 1], False)
            start, end = _turn(tokenizer, messages, place, ids)
            found.append((ids, [start <= i < end for i in range(len(ids))]))
    return found


def _turn(tokenizer: Tokenizer, messages: Sequence[Message], place: int, ids: list[int]) -> tuple[int, int]:
    """Where in the ids of a conversation the turn of an assistant begins and, its end included, ends."""
    before, after = written(tokenizer, messages[:place], True), written(tokenizer, messages[: place + 1], False)
    if ids[: len(before)] != before or ids[: len(after)] != after:
        raise UsageError(
            "This model's chat template rewrites earlier turns, so what it is taught cannot be marked.",
            "Give conversations of one question and one answer, without thinking.",
        )
    ends = (i + 1 for i in range(len(before), len(after)) if after[i] in tokenizer.stops)
    return len(before), max(ends, default=len(after))


def taken_apart(tokenizer: Tokenizer, body: Sequence[int]) -> tuple[str | None, str]:
    """An answer's thinking (None when there is none) and its content; thoughts that never end leave it empty."""
    start, end = tokenizer.special.get(THINK), tokenizer.special.get(THINK_END)
    body = list(body)
    opened = start is not None and body[:1] == [start]
    if end in body:  # some templates open the thinking themselves
        cut = body.index(end)
        return tokenizer.decode(body[int(opened) : cut]).strip(), tokenizer.decode(body[cut + 1 :]).lstrip()
    return (tokenizer.decode(body[1:]).strip(), "") if opened else (None, tokenizer.decode(body))


def need_chatml(tokenizer: Tokenizer, think: bool) -> None:
    """Raise UsageError unless the vocabulary has the tokens that our own format is written in."""
    if TURN_START not in tokenizer.special or tokenizer.special.get("<|im_end|>") is None:
        raise UsageError(
            "This model knows no conversation: it has no chat template and no <|im_start|>.", "Use `trivium complete`."
        )
    if think and THINK not in tokenizer.special:
        raise UsageError("This model has no <think> token.", "Leave --think out, or messages without reasoning.")


def _unpacked(message: Message) -> Message:
    """The message with its tool calls' arguments as values: templates write them as JSON themselves."""
    if not message.get("tool_calls"):
        return message
    calls = []
    for call in message["tool_calls"]:
        function = call.get("function", call)
        about = {**function, "arguments": hermes.unpacked(function.get("arguments"))}
        calls.append({**call, "function": about} if "function" in call else {"type": "function", "function": about})
    return {**message, "tool_calls": calls}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
