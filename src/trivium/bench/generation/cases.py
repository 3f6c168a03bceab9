"""What is generated: prompts of random ids and how many tokens follow each. A case is a function of its seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any


@dataclass(frozen=True)
class Case:
    """Prompts, and for each of them the lengths of its samples."""

    name: str
    prompts: list[list[int]]
    lengths: list[list[int]]
    """A sample ends after so many tokens, which no engine knows beforehand as more than its limit."""
    temperature: float = 0.0
    alone: bool = False
    """Speed is that of decoding: the time for one token, prompt included, is taken off."""

    @property
    def tokens(self) -> int:
        """Tokens that are wanted."""
        return sum(map(sum, self.lengths))

    def first(self) -> Case:
        """The same with one token for each sample."""
        return Case(self.name, self.prompts, [[1] * len(some) for some in self.lengths], self.temperature)

    def part(self, count: int) -> Case:
        """Its first `count` prompts: for a side that takes a prompt at a time, whose speed they tell as well."""
        return Case(self.name, self.prompts[:count], self.lengths[:count], self.temperature, self.alone)

    def warm_up(self, gpu: bool) -> Case:
        """What is run before: on a GPU all shapes are wanted ready, a CPU wants its code loaded."""
        return self if gpu else Case(self.name, [self.prompts[0][:4]], [[2]])

    def to_json(self) -> dict[str, Any]:
        """For a child process."""
        return {"prompts": self.prompts, "lengths": self.lengths, "temperature": self.temperature}


def on_cpu(vocabulary: int, seed: int = 0) -> list[Case]:
    """One prompt of 512 tokens, and 32 prompts of 16 to 256 (log-uniform) with answers of 8 to 64."""
    rng = Random(seed)
    mixed = [_ids(rng, vocabulary, round(16 ** (1 + rng.random()))) for _ in range(32)]
    return [
        Case("one prompt of 512", [_ids(rng, vocabulary, 512)], [[48]], alone=True),
        Case("32 mixed prompts", mixed, [[rng.randint(8, 64)] for _ in mixed]),
    ]


def on_gpu(vocabulary: int, seed: int = 0) -> list[Case]:
    """One prompt of 512 tokens alone and with 128 samples, and 64 prompts with 8 samples of uneven length."""
    rng = Random(seed)
    prompt = [_ids(rng, vocabulary, 512)]
    uneven = [_ids(rng, vocabulary, rng.randint(32, 512)) for _ in range(64)]
    lengths = [[rng.randint(8, 256) for _ in range(8)] for _ in uneven]
    return [
        Case("one prompt of 512", prompt, [[256]], alone=True),
        Case("128 samples of it", prompt, [[256] * 128], temperature=1.0),
        Case("64 prompts x 8, uneven", uneven, lengths, temperature=1.0),
    ]


def _ids(rng: Random, vocabulary: int, count: int) -> list[int]:
    return rng.choices(range(vocabulary), k=count)
