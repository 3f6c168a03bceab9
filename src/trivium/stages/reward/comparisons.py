"""Comparisons: a model's own answers to prompts, and which a person prefers; the town's hidden taste plays the person.

A comparison is {prompt, chosen, rejected} in TRL's names, each a list of messages: its RewardTrainer reads the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import Any

from trivium.generate.engine import Engine
from trivium.generate.talk import answer, ask
from trivium.ground.errors import ArtifactError
from trivium.ground.progress import Progress
from trivium.stages.reward.config import RewardConfig
from trivium.text.tokenizer import Tokenizer
from trivium.town.conversations import prompts
from trivium.town.taste import prefer, taste

DRAWS = 4
"""The fillings of a prompt's blanks are drawn this often, for more different prompts."""


@dataclass(frozen=True)
class Answered:
    """A prompt and the answers drawn to it."""

    prompt: str
    heldout: bool
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Two answers to a prompt, the better one first."""

    prompt: str
    chosen: str
    rejected: str
    heldout: bool

    def to_json(self) -> dict[str, Any]:
        """A line of `comparisons.jsonl`."""
        return {
            "prompt": [{"role": "user", "content": self.prompt}],
            "chosen": [{"role": "assistant", "content": self.chosen}],
            "rejected": [{"role": "assistant", "content": self.rejected}],
            "split": "heldout" if self.heldout else "train",
        }


def asked_prompts(config: RewardConfig) -> list[tuple[str, bool]]:
    """Different prompts, each with whether it is held out (by a hash of its text)."""
    drawn = (text for i in range(DRAWS) for text in prompts(10_000, config.seed * DRAWS + i))
    unique = list(dict.fromkeys(drawn))[: config.prompts]
    return [(text, _place(text) < config.heldout) for text in unique]


def draw_answers(
    engine: Engine, tokenizer: Tokenizer, config: RewardConfig, bar: Progress | None = None
) -> list[Answered]:
    """The model's answers: `samples` to each prompt to learn from, `best_of` to each held-out one."""
    asked = asked_prompts(config)
    sizes = [config.best_of if heldout else config.samples for _, heldout in asked]
    questions = ask([text for (text, _), size in zip(asked, sizes, strict=True) for _ in range(size)])
    replies = iter(
        answer(
            engine,
            tokenizer,
            questions,
            max_new=config.max_new,
            temperature=config.temperature,
            seed=config.seed,
            bar=bar,
        )
    )
    return [
        Answered(text, heldout, tuple(next(replies).content.strip() for _ in range(size)))
        for (text, heldout), size in zip(asked, sizes, strict=True)
    ]


def compare(answered: Sequence[Answered], config: RewardConfig) -> list[Comparison]:
    """Up to `pairs` comparisons about each prompt, drawn among those that are no near tie.

    Raises ArtifactError when one split has none.
    """
    rng, found = Random(f"comparisons|{config.seed}"), []
    for one in answered:
        different = list(combinations(dict.fromkeys(one.answers), 2))
        judged = []
        for first, second in rng.sample(different, len(different)):
            verdict = prefer(one.prompt, first, second, config.margin)
            if verdict >= 0:
                chosen, rejected = (first, second) if verdict == 0 else (second, first)
                judged.append(Comparison(one.prompt, chosen, rejected, one.heldout))
        found += judged[: config.pairs]
    for heldout in (False, True):
        if not any(comparison.heldout == heldout for comparison in found):
            raise ArtifactError(
                f"The model's answers gave no {'held-out' if heldout else 'training'} comparison: all are near ties.",
                "Raise --temperature, --samples or --prompts, or lower --margin.",
            )
    return found


def gold(prompt: str, text: str) -> float:
    """The judge's true score of an answer, 0 to 1: training never sees it."""
    return taste(prompt, text).score


def _place(text: str) -> float:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 16**8
