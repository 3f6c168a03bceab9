"""/v1/completions: a document's continuation, whole or streamed, with the prompt's own log-probabilities on request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from trivium.text.tokenizer import Tokenizer
from trivium.web.openai.flow import Choice, Flow, Head
from trivium.web.openai.plan import Plan
from trivium.web.openai.unfold import Part, Token


def name_of(tokenizer: Tokenizer, index: int) -> str:
    """A token's text; for one that is no whole character its bytes, `bytes:` and a `x` escape each, as OpenAI does."""
    raw = tokenizer.decode_bytes([index])
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in raw)


class Listing:
    """Legacy `logprobs`: four lists of equal length."""

    def __init__(self, tokenizer: Tokenizer, top: int) -> None:
        self.tokenizer, self.top = tokenizer, top
        self.tokens: list[str] = []
        self.logprobs: list[float | None] = []
        self.best: list[dict[str, float] | None] = []
        self.offsets: list[int] = []

    def add(self, index: int, logprob: float | None, top: Sequence[tuple[int, float]], offset: int) -> None:
        """One token more. Its own log-probability is among the best ones, however unlikely it was."""
        name = name_of(self.tokenizer, index)
        best = {name_of(self.tokenizer, other): value for other, value in top[: self.top] if other != index}
        if logprob is not None and self.top:
            best[name] = logprob
        self.tokens.append(name)
        self.logprobs.append(logprob)
        self.best.append(best if logprob is not None else None)
        self.offsets.append(offset)

    def body(self) -> dict[str, Any]:
        """The object that is sent."""
        best = self.best if self.top else None
        lists = {"tokens": self.tokens, "token_logprobs": self.logprobs, "top_logprobs": best}
        return {**lists, "text_offset": self.offsets}


def echoed(plan: Plan, choice: Choice, tokenizer: Tokenizer, bare: bool, listing: Listing | None) -> str:
    """The prompt's text, its tokens put into the listing. `bare`: the opening was ours, and is not shown."""
    ids = plan.prompts[choice.index // plan.n]
    skipped = len(tokenizer.opening) if bare else 0
    if bare and not tokenizer.opening and ids == [tokenizer.end_of_text]:
        skipped = 1
    completion = choice.completion
    if listing is not None and completion is not None and completion.prompt_logprobs:
        length = 0
        for place in range(skipped, len(ids)):
            top = completion.prompt_top[place] if completion.prompt_top else []
            listing.add(ids[place], completion.prompt_logprobs[place], top, length)
            length = len(tokenizer.decode(ids[skipped : place + 1]))
    return tokenizer.decode(ids[skipped:])


async def whole(
    flow: Flow, plan: Plan, tokenizer: Tokenizer, head: Head, echo: bool = False, bare: bool = True
) -> dict[str, Any]:
    """The answer in one piece. Raises Refusal."""
    parts: list[list[Part]] = [[] for _ in plan.requests]
    async for choice, new in flow:
        parts[choice.index] += new
    choices = []
    for choice in flow.choices:
        listing = Listing(tokenizer, plan.top) if plan.logprobs else None
        before = echoed(plan, choice, tokenizer, bare, listing) if echo else ""
        text = "".join(part.text for part in parts[choice.index])
        written = [token for part in parts[choice.index] for token in part.tokens]
        choices.append(_choice(choice, before + text, listing, written, len(before)))
    return {**head.fields("text_completion"), "choices": choices, "usage": flow.usage()}


def _choice(
    choice: Choice, text: str, listing: Listing | None, written: Sequence[Token], offset: int
) -> dict[str, Any]:
    for token in written if listing is not None else ():
        assert listing is not None
        listing.add(token.id, token.logprob, token.top, offset + token.start)
    logprobs = listing.body() if listing is not None else None
    return {"text": text, "index": choice.index, "logprobs": logprobs, "finish_reason": choice.finish}


async def streamed(
    flow: Flow, plan: Plan, tokenizer: Tokenizer, head: Head, echo: bool = False, bare: bool = True
) -> AsyncIterator[dict[str, Any]]:
    """The answer in chunks; the usage is the last one when it was asked for. Raises Refusal."""
    fields = head.fields("text_completion") | ({"usage": None} if plan.usage else {})
    offsets: dict[int, int] = {}
    async for choice, parts in flow:
        if choice.index not in offsets:
            listing = Listing(tokenizer, plan.top) if plan.logprobs else None
            before = echoed(plan, choice, tokenizer, bare, listing) if echo else ""
            offsets[choice.index] = len(before)
            if before:
                told = listing.body() if listing is not None else None
                first = {"text": before, "index": choice.index, "logprobs": told, "finish_reason": None}
                yield {**fields, "choices": [first]}
        finish, offset = choice.finish, offsets[choice.index]
        for place, part in enumerate(parts):
            listing = Listing(tokenizer, plan.top) if plan.logprobs else None
            told = _choice(choice, part.text, listing, part.tokens, offset)
            yield {**fields, "choices": [told | {"finish_reason": finish if place == len(parts) - 1 else None}]}
        if finish is not None and not parts:
            last = {"text": "", "index": choice.index, "logprobs": None, "finish_reason": finish}
            yield {**fields, "choices": [last]}
    if plan.usage:
        yield {**fields, "choices": [], "usage": flow.usage()}
