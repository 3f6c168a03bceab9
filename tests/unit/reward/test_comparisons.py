"""Comparisons: the same seed gives the same, near ties are left out, prompts never cross the split."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from trivium.ground.errors import ArtifactError, ConfigError
from trivium.stages.reward.comparisons import Answered, asked_prompts, compare, draw_answers, gold
from trivium.stages.reward.config import RewardConfig
from trivium.text.tokenizer import Tokenizer

CONFIG = RewardConfig(prompts=40, samples=3, best_of=5, pairs=2)
GOOD, FAIR, BAD = "Hello! How can I help you today?", "Hello! Tell me", "wet wet wet wet"


def answered(*answers: str, prompts: int = 2) -> list[Answered]:
    return [Answered("Hello!" if i == 0 else "Good morning!", i % 2 == 1, answers) for i in range(prompts)]


def test_prompts_are_different_and_split_by_their_text() -> None:
    asked = asked_prompts(RewardConfig())
    assert len({text for text, _ in asked}) == len(asked) > 250
    share = sum(heldout for _, heldout in asked) / len(asked)
    assert 0.15 < share < 0.35
    other = dict(asked_prompts(RewardConfig(seed=5)))
    assert all(other[text] == heldout for text, heldout in asked if text in other), "no seed moves a prompt"
    assert asked_prompts(CONFIG) == asked[:40]


def test_each_prompt_gets_its_number_of_answers(byte_tokenizer: Tokenizer, scripted: Callable[[Any], Any]) -> None:
    engine = scripted(lambda text, request: f"  {request.seed} of {text[17:25]}<|im_end|>")
    drawn = draw_answers(engine, byte_tokenizer, CONFIG)
    assert [(one.prompt, one.heldout) for one in drawn] == asked_prompts(CONFIG)
    assert all(len(one.answers) == (5 if one.heldout else 3) for one in drawn)
    texts = [text for one in drawn for text in one.answers]
    assert len(set(texts)) == len(texts), "each answer has a seed of its own"
    assert all(one.prompt[:8].startswith(text.partition(" of ")[2][:4]) for one in drawn for text in one.answers)


def test_the_better_answer_is_the_chosen_one() -> None:
    found = compare(answered(BAD, GOOD, FAIR, BAD), dataclasses.replace(CONFIG, pairs=10))
    assert len(found) == 6, "equal answers are one"
    for comparison in found:
        better, worse = (gold(comparison.prompt, text) for text in (comparison.chosen, comparison.rejected))
        assert better >= worse + CONFIG.margin
    assert {c.heldout for c in found if c.prompt == "Hello!"} == {False}


def test_near_ties_are_left_out_and_pairs_are_limited() -> None:
    strict = dataclasses.replace(CONFIG, margin=gold("Hello!", GOOD) - gold("Hello!", FAIR) + 0.01, pairs=10)
    chosen = [(c.chosen, c.rejected) for c in compare(answered(BAD, GOOD, FAIR), strict) if c.prompt == "Hello!"]
    assert (GOOD, FAIR) not in chosen
    assert (GOOD, BAD) in chosen
    few = compare(answered(BAD, GOOD, FAIR), dataclasses.replace(CONFIG, pairs=1))
    assert [c.prompt for c in few] == ["Hello!", "Good morning!"]


def test_the_same_seed_compares_the_same() -> None:
    some = answered(*(f"Hello, {'welcome ' * i}you." for i in range(9)))
    assert compare(some, CONFIG) == compare(some, CONFIG)
    assert compare(some, CONFIG) != compare(some, dataclasses.replace(CONFIG, seed=1))


def test_no_comparison_is_an_error() -> None:
    with pytest.raises(ArtifactError, match="no held-out comparison"):
        compare(answered(GOOD, BAD, prompts=1), CONFIG)


@pytest.mark.parametrize("changes", [{"heldout": 0.0}, {"samples": 1}, {"temperature": 0.0}, {"epochs": 0}])
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        RewardConfig(**changes)
