r"""Conversations on the wire: ChatML with thinking, the loss mask, and reading a reply back.

`<|im_start|>role\ncontent<|im_end|>\n`; an assistant that thinks: `<think>thoughts</think>content`. Structure is put
in by id and text is encoded as ordinary, so nothing that a user writes can open or close a turn.
An assistant's content carries no leading whitespace: a newline there would melt into the header's newline token.
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

__all__ = ["CHAT_TEMPLATE", "ROLES", "Message", "Rendered", "Reply", "parse", "prompt", "render"]

ROLES = ("system", "user", "assistant", "tool")
Message = Mapping[str, Any]
"""An OpenAI-style message: role, content, and an assistant's reasoning_content ("" is an empty block, no key none) and
tool_calls."""


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


def prompt(
    tokenizer: Tokenizer,
    messages: Sequence[Message],
    think: bool | None = None,
    tools: Sequence[Mapping[str, Any]] = (),
) -> list[int]:
    """The conversation and the opening of the assistant's turn.

    `think` True opens `<think>`, False gives the empty block `<think></think>`, None leaves the choice to the model.
    `tools` are the functions that it may call, OpenAI-style; they are told in the system message.
    """
    if tokenizer.template is not None:
        for message in messages:
            _checked(message)
        return foreign_chat.written(tokenizer, messages, True, think, tools)
    messages = hermes.told(messages, tools)
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
        return Reply(*foreign_chat.taken_apart(tokenizer, body), closed)
    if think is None and body[:1] == [special[THINK]]:
        think, body = True, body[1:]
    if not think:
        return Reply(None if think is None else "", tokenizer.decode(body), closed)
    if special[THINK_END] not in body:
        return Reply(tokenizer.decode(body), "", closed)
    end = body.index(special[THINK_END])
    return Reply(tokenizer.decode(body[:end]), tokenizer.decode(body[end + 1 :]), closed)


def _checked(message: Message) -> tuple[str, str]:
    """The message's role and content. Raises UsageError for others than are allowed."""
    role, content = message.get("role"), message.get("content") or ""
    if role not in ROLES:
        raise UsageError(f"A message has role {role!r}.", f"Roles are {', '.join(ROLES)}.")
    if not isinstance(content, str):
        raise UsageError(f"A message has a {type(content).__name__} as content.", "Give a string.")
    return role, content


def _pieces(tokenizer: Tokenizer, message: Message) -> list[tuple[list[int], bool]]:
    """The ids of one message in order, each stretch with its place in the mask."""
    special, encode = tokenizer.special, tokenizer.encode
    role, content = _checked(message)
    start, end, newline = [special[TURN_START]], [special[TURN_END]], (encode("\n"), False)
    if role != "assistant":
        return [(start + encode(f"{role}\n{content}") + end, False), newline]
    pieces = [(start + encode("assistant\n"), False)]
    thoughts = message.get("reasoning_content")
    if thoughts is not None:
        tags = bool(message.get("trainable_think", True))
        end_tag = tags or thoughts != ""
        pieces += [([special[THINK]], tags), (encode(thoughts), True), ([special[THINK_END]], end_tag)]
    pieces.append((encode(content.lstrip()), True))
    for call in message.get("tool_calls") or ():
        pieces.append(([special[hermes.CALL], *encode(hermes.spelled(call)), special[hermes.CALL_END]], True))
    return [*pieces, (end, True), newline]
