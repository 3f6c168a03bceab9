"""What unit tests share: a small town, a tokenizer of single bytes, and an engine that says what a script tells it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from trivium.evals.probes import Fact, facts_of
from trivium.generate.engine import Completion, Request
from trivium.ground.progress import Progress
from trivium.text.tokenizer import THINK, THINK_END, TURN_END, Tokenizer
from trivium.town.questions import CLOZES, PHRASINGS, cloze
from trivium.town.world import Town, TownConfig, build

Script = Callable[[str, Request], str]


class Scripted:
    """An engine whose completion of a prompt is what the script says, spelled out in ids, under the engine's rules."""

    def __init__(self, tokenizer: Tokenizer, script: Script) -> None:
        self.tokenizer, self.script = tokenizer, script
        self.prompts: list[str] = []

    def run(self, requests: Sequence[Request], bar: Progress | None = None) -> list[Completion]:
        if bar is not None:
            bar.advance(len(requests))
        return [self._one(request) for request in requests]

    def _one(self, request: Request) -> Completion:
        prompt = self.tokenizer.decode(request.ids)
        self.prompts.append(prompt)
        ids: list[int] = []
        for piece in _split(self.script(prompt, request), (THINK, THINK_END, TURN_END)):
            special = self.tokenizer.special.get(piece)
            ids += self.tokenizer.encode(piece) if special is None else [special]
        end = next((i + 1 for i, index in enumerate(ids) if index in request.stop), None)
        if end is not None and end <= request.max_new:
            return Completion(ids[:end], [0.0] * end, "stop")
        ids = ids[: request.max_new]
        return Completion(ids, [0.0] * len(ids), "length")


def _split(text: str, specials: Sequence[str]) -> list[str]:
    parts = [text]
    for special in specials:
        parts = [piece for part in parts for piece in part.replace(special, f"\0{special}\0").split("\0")]
    return [part for part in parts if part]


@pytest.fixture(scope="session")
def byte_tokenizer() -> Tokenizer:
    return Tokenizer({bytes([i]): i for i in range(256)}, "qwen2")


@pytest.fixture(scope="session")
def small_town() -> Town:
    return build(TownConfig(people=24, ghosts=6, strangers=8, crowd=0, unlisted=0, famous=0.5, famous_test=0.5))


@pytest.fixture
def scripted(byte_tokenizer: Tokenizer) -> Callable[[Script], Scripted]:
    return lambda script: Scripted(byte_tokenizer, script)


@pytest.fixture(scope="session")
def who_is_asked(small_town: Town) -> Callable[[str], tuple[Fact, str]]:
    """From a prompt of any kind to the fact that it asks for, and how: "cloze", "question" or "familiar"."""
    facts = facts_of(small_town.people, {})
    asked = {fact.asked(phrasing): fact for fact in facts for phrasing in range(PHRASINGS)}
    opened = {cloze(fact.person, fact.attribute, i): fact for fact in facts for i in range(len(CLOZES[fact.attribute]))}

    def find(prompt: str) -> tuple[Fact, str]:
        text = prompt.removeprefix("<|endoftext|>")
        if text in opened:
            return opened[text], "cloze"
        last = max(asked, key=prompt.rfind)
        assert last in prompt
        return asked[last], "question" if last == asked[last].question else "familiar"

    return find
