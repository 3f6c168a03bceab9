"""From what a client asked to what the engine is given: every number against its limit, conversations as token ids."""

from __future__ import annotations

import dataclasses
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trivium.generate.engine import Request, ThinkBudget
from trivium.ground.errors import TriviumError
from trivium.text.chat import prompt as chat_prompt
from trivium.text.hermes import CALL
from trivium.text.tokenizer import THINK, THINK_END, Tokenizer
from trivium.web.config import ServeConfig
from trivium.web.openai.asked import ChatAsked, CompletionAsked, Message, Sampling
from trivium.web.openai.unfold import Reading
from trivium.web.refusal import Refusal, wrong
from trivium.web.shelf import Offer

DEFAULT_COMPLETION = 16
"""OpenAI's default of max_tokens where no conversation is held."""


@dataclass(frozen=True)
class Plan:
    """A request, understood."""

    offer: Offer
    requests: list[Request]
    """prompts × n, a prompt's completions side by side."""
    prompts: list[list[int]]
    n: int
    stream: bool
    usage: bool
    """Whether a stream ends with a chunk that tells the usage."""
    reading: Reading
    logprobs: bool
    top: int


def plan_chat(asked: ChatAsked, offer: Offer, tokenizer: Tokenizer, config: ServeConfig) -> Plan:
    """The plan of a conversation's next turn. Raises Refusal."""
    _no_form(asked)
    tools = offered(asked, config)
    ids = conversation(asked, offer, tokenizer, config, tools)
    ids, prefix, single = chosen(asked, tools, ids, tokenizer)
    room = _room(ids, offer)
    most = asked.max_completion_tokens if asked.max_completion_tokens is not None else asked.max_tokens
    name = "max_tokens" if asked.max_completion_tokens is None else "max_completion_tokens"
    if most is not None and most < 1:
        raise wrong(name, most, "1 or more.")
    top = asked.top_logprobs or 0
    if not 0 <= top <= config.top_logprobs:
        raise wrong("top_logprobs", top, f"0 to {config.top_logprobs}.")
    if top and not asked.logprobs:
        raise wrong("top_logprobs", top, "It needs logprobs: true.")
    limit = _limit(name, most, room, min(room, config.new_tokens), ids, offer, config)
    n = _choices(asked, 1, config)
    request = _request(asked, ids, limit, tokenizer, config, top if asked.logprobs else 0)
    if asked.think_budget is not None:
        request = dataclasses.replace(request, think=ThinkBudget(asked.think_budget))
    names = frozenset(tool["function"]["name"] for tool in tools)
    thinking = prefix is None and opened(ids, tokenizer)
    reading = Reading(request.stop_strings, True, thinking, names, prefix, single)
    requests = _seeded(asked, [request], n)
    return Plan(offer, requests, [ids], n, bool(asked.stream), _usage(asked), reading, bool(asked.logprobs), top)


def conversation(
    asked: ChatAsked, offer: Offer, tokenizer: Tokenizer, config: ServeConfig, tools: Sequence[Mapping[str, Any]]
) -> list[int]:
    """The messages' ids, up to where the answer begins. Raises Refusal."""
    if not asked.messages:
        raise wrong("messages", [], "Send one or more.")
    if len(asked.messages) > config.messages:
        raise Refusal(400, f"There are {len(asked.messages)} messages; {config.messages} at most.", "messages")
    messages = [spelled(message, place) for place, message in enumerate(asked.messages)]
    if tools:
        if messages[0]["role"] != "system":
            messages.insert(0, {"role": "system", "content": ""})
        messages[0]["tools"] = [tool["function"] for tool in tools]
    _short(sum(len(message["content"]) + len(message.get("reasoning_content", "")) for message in messages), offer)
    think = asked.think
    if think is None and asked.chat_template_kwargs is not None:
        think = asked.chat_template_kwargs.enable_thinking
    if asked.think_budget is not None and asked.think_budget < 0:
        raise wrong("think_budget", asked.think_budget, "0 or more tokens, or null for no limit.")
    try:
        return chat_prompt(tokenizer, messages, think)
    except TriviumError as error:
        raise Refusal(400, f"{error.what} {error.mend.replace('--think', 'think')}", "messages") from error


def spelled(message: Message, place: int) -> dict[str, Any]:
    """A message as the chat template takes it. Raises Refusal for content that is not text."""
    content = message.content
    if isinstance(content, list):
        for i, part in enumerate(content):
            if part.type != "text" or part.text is None:
                raise wrong(f"messages[{place}].content[{i}].type", part.type, "Only text is understood here.")
        content = "".join(part.text or "" for part in content)
    role = "system" if message.role == "developer" else message.role
    said: dict[str, Any] = {"role": role, "content": content or ""}
    if role == "assistant" and message.reasoning_content is not None:
        said["reasoning_content"] = message.reasoning_content
    if message.tool_calls and role != "assistant":
        raise wrong(f"messages[{place}].tool_calls", f"in a message of role {role}", "Only an assistant calls.")
    if message.tool_calls:
        said["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
            for c in message.tool_calls
        ]
    return said


def offered(asked: ChatAsked, config: ServeConfig) -> list[dict[str, Any]]:
    """The tools as the prompt tells them; none where they may not be called. Raises Refusal."""
    tools = asked.tools or []
    if len(tools) > config.tools:
        raise Refusal(400, f"There are {len(tools)} tools; {config.tools} at most.", "tools", "invalid_value")
    found = []
    for place, tool in enumerate(tools):
        function = tool.function
        if tool.type != "function":
            raise wrong(f"tools[{place}].type", tool.type, "Only functions are known.")
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", function.name):
            raise wrong(f"tools[{place}].function.name", function.name, "1 to 64 letters, digits, _ and -.")
        about: dict[str, Any] = {"name": function.name}
        if function.description is not None:
            about["description"] = function.description
        about["parameters"] = function.parameters or {"type": "object", "properties": {}}
        found.append({"type": "function", "function": about})
    return [] if asked.tool_choice == "none" else found


def chosen(
    asked: ChatAsked, tools: Sequence[Mapping[str, Any]], ids: list[int], tokenizer: Tokenizer
) -> tuple[list[int], str | None, bool]:
    """What `tool_choice` makes of a prompt: its ids, what of a call it holds then, whether one call ends the answer.

    A call that must come is begun in the prompt, so that the model can only go on with it. Raises Refusal.
    """
    choice, single = asked.tool_choice, asked.parallel_tool_calls is False
    if choice is None or choice in ("auto", "none"):
        return ids, None, single
    names = [tool["function"]["name"] for tool in tools]
    if not names:
        raise wrong("tool_choice", choice, "There are no tools to choose from.")
    if choice == "required":
        prefix = "\n"
    elif isinstance(choice, str):
        raise wrong("tool_choice", choice, "auto, none, required, or one function.")
    elif choice.function.name not in names:
        raise wrong("tool_choice", choice.function.name, f"The tools are {', '.join(names)}.")
    else:
        prefix, single = f'\n{{"name": {json.dumps(choice.function.name)}, "arguments": ', True
    special = tokenizer.special.get(CALL)
    begun = tokenizer.encode(CALL + prefix) if special is None else [special, *tokenizer.encode(prefix)]
    closed = [tokenizer.special[THINK_END]] if opened(ids, tokenizer) else []
    return [*ids, *closed, *begun], prefix, single


def opened(ids: Sequence[int], tokenizer: Tokenizer) -> bool:
    """Whether a prompt ends inside a thinking block."""
    start, end = tokenizer.special.get(THINK), tokenizer.special.get(THINK_END)
    for index in reversed(ids):
        if index == start and start is not None:
            return True
        if index in (end, tokenizer.turn_end):
            return False
    return False


def plan_completion(asked: CompletionAsked, offer: Offer, tokenizer: Tokenizer, config: ServeConfig) -> Plan:
    """The plan of a document's continuation. Raises Refusal."""
    if asked.suffix:
        raise wrong("suffix", asked.suffix, "This server does not fill gaps; leave it out.", "unsupported_parameter")
    n = _choices(asked, 1, config)
    if asked.best_of not in (None, n):
        raise wrong("best_of", asked.best_of, "Leave it out, or equal to n.", "unsupported_parameter")
    prompts = documents(asked.prompt, tokenizer, offer)
    _choices(asked, len(prompts), config)
    top = asked.logprobs or 0
    if not 0 <= top <= config.top_logprobs:
        raise wrong("logprobs", top, f"0 to {config.top_logprobs}.")
    most = DEFAULT_COMPLETION if asked.max_tokens is None else asked.max_tokens
    if most < 0 or (most == 0 and not asked.echo):
        raise wrong("max_tokens", most, "1 or more; 0 only with echo.")
    requests = []
    for ids in prompts:
        room = _room(ids, offer, least=0)
        told = None if asked.max_tokens is None else most
        limit = _limit("max_tokens", told, room, min(most, room), ids, offer, config)
        scored = bool(asked.echo) and asked.logprobs is not None
        requests.append(_request(asked, ids, limit, tokenizer, config, top, scored))
    reading, told = Reading(requests[0].stop_strings), asked.logprobs is not None
    return Plan(offer, _seeded(asked, requests, n), prompts, n, bool(asked.stream), _usage(asked), reading, told, top)


def documents(prompt: str | list[str | int | list[int]] | None, tokenizer: Tokenizer, offer: Offer) -> list[list[int]]:
    """The ids of each prompt; an empty text begins after the end of another. Raises Refusal."""
    if prompt is None:
        raise wrong("prompt", None, "Send a text, token ids, or several of either.")
    if isinstance(prompt, list) and not prompt:
        raise wrong("prompt", [], "Send one or more.")
    kinds = {type(each) for each in prompt}
    if len(kinds) > 1:
        raise Refusal(400, "prompt mixes texts and token ids. Send one or the other.", "prompt", "invalid_type")
    many: list[Any] = [prompt] if isinstance(prompt, str) or kinds == {int} else list(prompt)
    found = []
    for place, each in enumerate(many):
        if isinstance(each, str):
            _short(len(each), offer)
            found.append([*tokenizer.opening, *tokenizer.encode(each)] or [tokenizer.end_of_text])
            continue
        if not each:
            raise wrong(f"prompt[{place}]", [], "A prompt of token ids has one or more.")
        odd = next((index for index in each if not 0 <= index < tokenizer.size), None)
        if odd is not None:
            raise wrong(f"prompt[{place}]", odd, f"Token ids are 0 to {tokenizer.size - 1}.")
        found.append(list(each))
    return found


def _short(characters: int, offer: Offer) -> None:
    """Raise Refusal for a text so long that it cannot fit, before time is spent on encoding it."""
    if characters > 64 * offer.context:
        raise _too_long(f"{characters} characters", offer)


def _room(ids: Sequence[int], offer: Offer, least: int = 1) -> int:
    """Tokens left after a prompt. Raises Refusal."""
    if len(ids) + least > offer.context:
        raise _too_long(f"{len(ids)} tokens", offer)
    return offer.context - len(ids)


def _too_long(much: str, offer: Offer) -> Refusal:
    message = f"The prompt has {much}; {offer.name!r} reads {offer.context} tokens in all. Shorten it."
    return Refusal(400, message, "messages", "context_length_exceeded")


def _limit(
    name: str, asked: int | None, room: int, default: int, ids: Sequence[int], offer: Offer, config: ServeConfig
) -> int:
    """New tokens. Raises Refusal where more are asked for than there may be, or is room."""
    if asked is None:
        return default
    if asked > config.new_tokens:
        raise wrong(name, asked, f"{config.new_tokens} at most here.")
    if asked > room:
        message = (
            f"{name} is {asked}, the prompt has {len(ids)} tokens, and {offer.name!r} holds {offer.context} in all. "
            f"Ask for {room} or fewer."
        )
        raise Refusal(400, message, name, "context_length_exceeded")
    return asked


def _choices(asked: Sampling, prompts: int, config: ServeConfig) -> int:
    n = 1 if asked.n is None else asked.n
    most = min(config.choices, config.batch + config.queue)
    if n < 1 or n > most:
        raise wrong("n", n, f"1 to {most}.")
    if n * prompts > most:
        raise Refusal(400, f"{prompts} prompts times n = {n} are more than {most}. Send fewer at a time.", "prompt")
    return n


def _usage(asked: Sampling) -> bool:
    return asked.stream_options is not None and asked.stream_options.include_usage


def _no_form(asked: ChatAsked) -> None:
    if asked.response_format is not None and asked.response_format.type != "text":
        mend = "This server does not constrain answers: ask in words, or with tools."
        raise wrong("response_format.type", asked.response_format.type, mend, "unsupported_parameter")
    if asked.modalities not in (None, ["text"]):
        raise wrong("modalities", asked.modalities, "Only text comes out.", "unsupported_parameter")


def _request(
    asked: Sampling, ids: list[int], limit: int, tokenizer: Tokenizer, config: ServeConfig, top: int,
    scored: bool = False,
) -> Request:  # fmt: skip
    for name in ("frequency_penalty", "presence_penalty"):
        if getattr(asked, name):
            raise wrong(name, getattr(asked, name), "Only repetition_penalty is known here.", "unsupported_parameter")
    return Request(
        ids,
        limit,
        temperature=1.0 if asked.temperature is None else asked.temperature,
        stop=tokenizer.stops,
        top_k=max(0, asked.top_k or 0),
        top_p=1.0 if asked.top_p is None else max(asked.top_p, 1e-9),
        min_p=asked.min_p or 0.0,
        repetition=asked.repetition_penalty or 1.0,
        bias=_biases(asked, tokenizer, config),
        stop_strings=_stops(asked, config),
        top_logprobs=top,
        prompt_logprobs=scored,
    )


def _stops(asked: Sampling, config: ServeConfig) -> tuple[str, ...]:
    stops = [asked.stop] if isinstance(asked.stop, str) else asked.stop or []
    if len(stops) > config.stops:
        raise Refusal(400, f"There are {len(stops)} stop strings; {config.stops} at most.", "stop", "invalid_value")
    for stop in stops:
        if not 0 < len(stop) <= config.stop_characters:
            raise wrong("stop", stop, f"1 to {config.stop_characters} characters each.")
    return tuple(dict.fromkeys(stops))


def _biases(asked: Sampling, tokenizer: Tokenizer, config: ServeConfig) -> dict[int, float]:
    given = asked.logit_bias or {}
    if len(given) > config.biases:
        raise Refusal(400, f"logit_bias has {len(given)} tokens; {config.biases} at most.", "logit_bias")
    found = {}
    for key, amount in given.items():
        if not re.fullmatch(r"[0-9]{1,9}", key) or int(key) >= tokenizer.size:
            raise wrong("logit_bias", key, f"Its keys are token ids, 0 to {tokenizer.size - 1}.")
        if not -100 <= amount <= 100:
            raise wrong("logit_bias", amount, "-100 to 100.")
        found[int(key)] = amount
    return found


def _seeded(asked: Sampling, requests: Sequence[Request], n: int) -> list[Request]:
    """Each request n times, every one with a stream of random numbers of its own."""
    if asked.seed is not None and not -(2**63) <= asked.seed < 2**64:
        raise wrong("seed", asked.seed, "Any number of 64 bits.")
    seed = secrets.randbits(62) if asked.seed is None else asked.seed
    many = [request for request in requests for _ in range(n)]
    return [dataclasses.replace(request, seed=(seed * 1_000_003 + i) % 2**63) for i, request in enumerate(many)]
