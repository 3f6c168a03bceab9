"""Words in, words out: chat models answer conversations, base models continue documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trivium.generate.engine import Engine, Request
from trivium.ground.progress import Progress
from trivium.text.chat import Message, Reply, parse, prompt
from trivium.text.tokenizer import Tokenizer


def answer(
    engine: Engine,
    tokenizer: Tokenizer,
    conversations: Sequence[Sequence[Message]],
    think: bool | None = None,
    max_new: int = 128,
    temperature: float = 0.0,
    seed: int = 0,
    bar: Progress | None = None,
) -> list[Reply]:
    """One reply to each conversation. `think` True or False opens or forbids thinking; None leaves it to the model."""
    requests = [
        Request(prompt(tokenizer, messages, think), max_new, temperature, seed * 1_000_003 + i, tokenizer.stops)
        for i, messages in enumerate(conversations)
    ]
    return [parse(tokenizer, completion.ids, think) for completion in engine.run(requests, bar)]


def ask(questions: Sequence[str]) -> list[list[Message]]:
    """Each question as a conversation of one user turn."""
    return [[{"role": "user", "content": question}] for question in questions]


def continue_text(
    engine: Engine,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    max_new: int = 64,
    temperature: float = 0.0,
    seed: int = 0,
    bar: Progress | None = None,
) -> list[str]:
    """What a base model writes after each text, up to the end of the document (which is not shown)."""
    requests = [
        Request(document(tokenizer, text), max_new, temperature, seed * 1_000_003 + i, (tokenizer.end_of_text,))
        for i, text in enumerate(texts)
    ]
    found = []
    for completion in engine.run(requests, bar):
        ids = completion.ids[:-1] if completion.finish == "stop" else completion.ids
        found.append(tokenizer.decode(ids))
    return found


def document(tokenizer: Tokenizer, text: str) -> list[int]:
    """The ids of a document's beginning; an empty one without an opening begins after the end of another."""
    return [*tokenizer.opening, *tokenizer.encode(text)] or [tokenizer.end_of_text]


def stream(engine: Engine, request: Request) -> Iterator[list[int]]:
    """The ids of one completion as they come. Left before its end, it gives the slot back."""
    ticket = engine.add(request)
    try:
        while engine.live or engine.waiting:
            for event in engine.step():
                if event.ticket == ticket and event.new:
                    yield event.completion.ids[-event.new :]
                if event.ticket == ticket and event.done:
                    return
    finally:
        engine.cancel(ticket)
