r"""Conversations on the wire: ChatML with thinking, the loss mask, and reading a reply back.

`<|im_start|>role\ncontent<|im_end|>\n`; an assistant that thinks: `<think>thoughts</think>content`. Structure is put
in by id and text is encoded as ordinary, so nothing that a user writes can open or close a turn.
An assistant's content carries no leading whitespace: a newline there would melt into the header's newline token.
Calls of tools are in the form of `text.hermes`, between special tokens; what they return is text.
A foreign model's own chat template is used in the place of all this (`text.foreign_chat`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trivium.ground.errors import UsageError
from trivium.text import foreign_chat, hermes
from trivium.text.template import CHAT_TEMPLATE
from trivium.text.tokenizer import THINK, THINK_END, TURN_END, TURN_START, Tokenizer

__all__ = ["CHAT_TEMPLATE", "ROLES", "Message", "Rendered", "Reply", "lessons", "parse", "prompt", "render"]

ROLES = ("system", "user", "assistant", "tool")
Message = Mapping[str, Any]
"""An OpenAI-style message: role, content, and an assistant's reasoning_content ("" is an empty block, no key none) and
tool_calls; a system message may carry `tools`, the specs of tools that it tells of. An assistant's turn of `weight` 0
is context that is not taught."""


@dataclass(frozen=True)
class Rendered:
    """A conversation as ids, and for each id whether the model is taught to produce it."""

    ids: list[int]
    mask: list[bool]


@dataclass(frozen=True)
class Reply:
    """A completion taken apart."""

    thinking: str | None
    """What stood between the think tags: "" for an empty block, None for no block."""
    content: str
    closed: bool
    """Whether the model ended its turn itself (rather than being cut off)."""
    calls: tuple[str, ...] = ()
    """The JSON of each tool call between special tokens; the content is without them. See `marks_calls`."""


def marks_calls(tokenizer: Tokenizer) -> bool:
    """Whether this vocabulary has tokens for a tool call's tags: then nothing but those tokens is a call."""
    return hermes.CALL in tokenizer.special and hermes.CALL_END in tokenizer.special


def render(tokenizer: Tokenizer, messages: Sequence[Message]) -> Rendered:
    """The whole conversation. The mask is True on assistants' content, thoughts, think tags and `<|im_end|>` only.

    With `trainable_think: False` in an assistant's message, the tags that `prompt` would have given are not taught:
    `<think>`, and `</think>` when nothing stands between. Raises UsageError for an unknown role or a content that is no
    string.
    """
    if tokenizer.template is not None:
        for message in messages:
            _checked(message)
        return Rendered(*foreign_chat.taught(tokenizer, messages))
    foreign_chat.need_chatml(tokenizer, any(message.get("reasoning_content") is not None for message in messages))
    ids: list[int] = []
    mask: list[bool] = []
    for message in messages:
        for piece, taught in _pieces(tokenizer, message):
            ids += piece
            mask += [taught] * len(piece)
    return Rendered(ids, mask)


def lessons(tokenizer: Tokenizer, messages: Sequence[Message]) -> list[Rendered]:
    """The conversation as what a model reads to learn it: whole, or once for each assistant's turn.

    The second where a foreign template writes earlier turns otherwise once later ones are there (it forgets their
    thoughts, as some do): each turn is then learned as the model will see it when it answers. Raises UsageError where a
    template's own opening of an answer is no part of the answered conversation, and as `render` does.
    """
    if tokenizer.template is None:
        return [render(tokenizer, messages)]
    for message in messages:
        _checked(message)
    return [Rendered(*pair) for pair in foreign_chat.taught_apart(tokenizer, messages)]


def prompt(tokenizer: Tokenizer, messages: Sequence[Message], think: bool | None = None) -> list[int]:
    """The conversation and the opening of the assistant's turn.

    `think` True opens `<think>`, False gives the empty block `<think></think>`, None leaves the choice to the model.
    """
    if tokenizer.template is not None:
        for message in messages:
            _checked(message)
        return foreign_chat.written(tokenizer, messages, True, think)
    special = tokenizer.special
    foreign_chat.need_chatml(tokenizer, think is not None)
    ids = [*render(tokenizer, messages).ids, special[TURN_START], *tokenizer.encode("assistant\n")]
    if think is not None:
        ids += [special[THINK]] if think else [special[THINK], special[THINK_END]]
    return ids


def parse(tokenizer: Tokenizer, ids: Sequence[int], think: bool | None = None) -> Reply:
    """The completion `ids` that followed a `prompt` with the same `think`, split into thinking and content.

    Thoughts that never end leave the content empty. What follows the end of the turn is dropped; other special tokens
    out of place stay visible by their spelling.
    """
    special = tokenizer.special
    ids = list(ids)
    ends = [i for i, index in enumerate(ids) if index in tokenizer.stops]
    closed = bool(ends) and (ids[ends[0]] == tokenizer.turn_end or tokenizer.template is not None)
    body = ids[: ends[0]] if ends else ids
    if tokenizer.template is not None or THINK not in special:
        body, calls = _calls_apart(tokenizer, body)
        return Reply(*foreign_chat.taken_apart(tokenizer, body), closed, calls)
    if think is None and body[:1] == [special[THINK]]:
        think, body = True, body[1:]
    thinking = None if think is None else ""
    if think:
        if special[THINK_END] not in body:
            return Reply(tokenizer.decode(body), "", closed)
        end = body.index(special[THINK_END])
        thinking, body = tokenizer.decode(body[:end]), body[end + 1 :]
    body, calls = _calls_apart(tokenizer, body)
    content = tokenizer.decode(body)
    return Reply(thinking, content.removesuffix("\n") if calls else content, closed, calls)


def _calls_apart(tokenizer: Tokenizer, body: list[int]) -> tuple[list[int], tuple[str, ...]]:
    """The ids without tool calls, and the text of each call; what follows the first call is no content."""
    if not marks_calls(tokenizer):
        return body, ()
    start, end = tokenizer.special[hermes.CALL], tokenizer.special[hermes.CALL_END]
    if start not in body:
        return body, ()
    first = body.index(start)
    calls: list[str] = []
    rest = body[first:]
    while start in rest:
        rest = rest[rest.index(start) + 1 :]
        stop = next((i for i, index in enumerate(rest) if index in (start, end)), len(rest))
        calls.append(tokenizer.decode(rest[:stop]))
        rest = rest[stop:]
    return body[:first], tuple(calls)


def _checked(message: Message) -> tuple[str, str]:
    """The message's role and content. Raises UsageError for others than are allowed."""
    role, content = message.get("role"), message.get("content") or ""
    if role not in ROLES:
        raise UsageError(f"A message has role {role!r}.", f"Roles are {', '.join(ROLES)}.")
    if not isinstance(content, str):
        raise UsageError(f"A message has a {type(content).__name__} as content.", "Give a string.")
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list | tuple) or not all(hermes.is_call(call) for call in calls):
        raise UsageError("A message's tool_calls are no list of calls.", "Each has a function with name and arguments.")
    return role, content


def _pieces(tokenizer: Tokenizer, message: Message) -> list[tuple[list[int], bool]]:
    """The ids of one message in order, each stretch with its place in the mask."""
    special, encode = tokenizer.special, tokenizer.encode
    role, content = _checked(message)
    start, end, newline = [special[TURN_START]], [special[TURN_END]], (encode("\n"), False)
    if role == "tool":
        content = hermes.quoted(content)
    if role == "system" and message.get("tools"):
        before, after = hermes.told_apart(message["tools"])
        content = f"{content}\n\n{before}" if content else before
        form = [special[hermes.CALL], *encode(hermes.FORM), special[hermes.CALL_END], *encode(after)]
        return [(start + encode(f"system\n{content}") + form + end, False), newline]
    if role != "assistant":
        return [(start + encode(f"{role}\n{content}") + end, False), newline]
    pieces = [(start + encode("assistant\n"), False)]
    taught = message.get("weight", 1) != 0
    thoughts = message.get("reasoning_content")
    if thoughts is not None:
        tags = taught and bool(message.get("trainable_think", True))
        end_tag = tags or (taught and thoughts != "")
        pieces += [([special[THINK]], tags), (encode(thoughts), taught), ([special[THINK_END]], end_tag)]
    content = content.lstrip()
    calls: list[int] = []
    for body in hermes.bodies(message.get("tool_calls") or []):
        before = content + "\n" if content and not calls else "\n" if calls else ""
        calls += [*encode(before), special[hermes.CALL], *encode(body), special[hermes.CALL_END]]
    return [*pieces, ((calls or encode(content)) + end, taught), newline]
