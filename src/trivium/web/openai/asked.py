"""What clients may send: strict types, known fields only, a bound on size and depth before anything is understood.

OpenAI's clients send more than means something here. Such fields are accepted by name; a name that nobody knows is an
error with a did-you-mean, because a misspelt `temprature` that is ignored costs an afternoon.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from trivium.web.config import ServeConfig
from trivium.web.refusal import Refusal, unknown, wrong

UNUSED = frozenset(
    "user metadata store service_tier safety_identifier prompt_cache_key prompt_cache_retention verbosity "
    "reasoning_effort prediction".split()
)
"""Fields of OpenAI's API that mean nothing here, and harm nothing."""
SPOKEN = frozenset("refusal annotations audio function_call name id".split())
"""Fields that clients copy from an answer into the next request's messages."""

Share = Annotated[float, Meta(ge=0, le=1)]


class StreamOptions(Struct):
    """How to stream."""

    include_usage: bool = False
    include_obfuscation: bool = False


class Sampling(Struct):
    """What chats and completions have in common. None stands for what is not said."""

    model: str | None = None
    max_tokens: int | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Share | None = None
    top_k: Annotated[int, Meta(ge=-1)] | None = None
    min_p: Share | None = None
    repetition_penalty: Annotated[float, Meta(gt=0, le=10)] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    n: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None


class Part(Struct):
    """A piece of a message's content."""

    type: str
    text: str | None = None


class Called(Struct):
    """A function's name and its arguments, JSON as text."""

    name: str
    arguments: str


class ToolCall(Struct):
    """A call that the model made earlier."""

    function: Called
    id: str = ""
    type: str = "function"
    index: int | None = None


class Message(Struct):
    """One turn."""

    role: str
    content: str | list[Part] | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None


class Function(Struct):
    """A function that the model may call."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Struct):
    """A tool; of the kind `function`."""

    type: str
    function: Function


class Named(Struct):
    """The name of a function."""

    name: str


class ToolChoice(Struct):
    """One function that must be called."""

    type: str
    function: Named


class Format(Struct):
    """The form of an answer; only text."""

    type: str
    json_schema: Any = None


class TemplateFlags(Struct):
    """What other servers call these."""

    enable_thinking: bool | None = None


class ChatAsked(Sampling):
    """The body of /v1/chat/completions."""

    messages: list[Message] = []
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[Tool] | None = None
    tool_choice: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: Format | None = None
    modalities: list[str] | None = None
    think: bool | None = None
    """True opens the model's thinking, False forbids it, None leaves it to the model."""
    think_budget: int | None = None
    """Thinking tokens at most; then the thinking is closed."""
    chat_template_kwargs: TemplateFlags | None = None


class CompletionAsked(Sampling):
    """The body of /v1/completions."""

    prompt: str | list[str | int | list[int]] | None = None
    echo: bool | None = None
    logprobs: int | None = None
    best_of: int | None = None
    suffix: str | None = None


A = TypeVar("A", ChatAsked, CompletionAsked)


def read(cls: type[A], body: bytes, config: ServeConfig) -> A:
    """The request that a body holds. Raises Refusal (400), naming the field, its value and the mend."""
    try:
        value = msgspec.json.decode(body)
    except RecursionError as error:
        raise _deep(config) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, f"The body is no JSON: {error}", None, "invalid_json") from error
    if not isinstance(value, dict):
        raise Refusal(400, f"The body is a JSON {_kind(value)}. Send an object.", None, "invalid_type")
    bound(value, config)
    known = set(cls.__struct_fields__)
    for name in value:
        if name not in known and name not in UNUSED:
            raise unknown(name, "The request", known)
    for place, message in enumerate(_list(value.get("messages"))):
        for name in message if isinstance(message, dict) else ():
            if name not in Message.__struct_fields__ and name not in SPOKEN:
                raise unknown(name, f"messages[{place}]", Message.__struct_fields__)
    try:
        return msgspec.convert(value, cls)
    except msgspec.ValidationError as error:
        raise _mistyped(str(error), value) from error


def bound(value: Any, config: ServeConfig) -> None:
    """Raise Refusal for JSON that is nested too deep or holds too many values."""
    level, count = [value], 0
    for _ in range(config.depth):
        below: list[Any] = []
        for item in level:
            inner = item.values() if isinstance(item, dict) else item
            count += len(item)
            if count > config.items:
                raise Refusal(400, f"The body holds more than {config.items} values.", None, "too_many_values")
            below += [each for each in inner if isinstance(each, dict | list)]
        if not below:
            return
        level = below
    raise _deep(config)


def _deep(config: ServeConfig) -> Refusal:
    return Refusal(400, f"The body nests deeper than {config.depth} levels.", None, "too_deep")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _kind(value: Any) -> str:
    names = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _mistyped(said: str, value: Mapping[str, Any]) -> Refusal:
    """Msgspec's complaint in the words of all others: `Expected `int`, got `str` - at `$.n``."""
    what, _, where = said.partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    found: Any = value
    for step in re.findall(r"[^.\[\]]+", path):
        try:
            found = found[int(step)] if isinstance(found, list) else found[step]
        except (KeyError, IndexError, ValueError, TypeError):
            return Refusal(400, f"{path or 'The request'}: {what.replace('`', '')}.", path or None, "invalid_type")
    return wrong(path or "The request", found, what.replace("`", "") + ".", "invalid_type")
