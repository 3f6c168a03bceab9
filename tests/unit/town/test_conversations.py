"""Conversations are OpenAI messages that teach only what they may; the hidden taste prefers the better answer."""

from __future__ import annotations

from itertools import pairwise

import pytest

from trivium.ground.errors import UsageError
from trivium.tasks.answers import REFUSALS, is_refusal
from trivium.tasks.registry import generate, verify
from trivium.town import conversations
from trivium.town.names import ATTRIBUTES
from trivium.town.questions import RESERVED, is_right, question
from trivium.town.smalltalk import EVERYDAY, IDENTITY
from trivium.town.taste import WEIGHTS, prefer, taste
from trivium.town.world import TownConfig, build

TOWN = build(TownConfig(people=20, crowd=0, ghosts=5, strangers=5))
KNOWN = [(p, a) for p in TOWN.group("written", "train") if p.famous for a in ATTRIBUTES]


def _well_formed(found: list[conversations.Conversation]) -> None:
    for conversation in found:
        assert [m["role"] for m in conversation] == ["user", "assistant"] * (len(conversation) // 2)
        for message in conversation:
            content = message["content"]
            assert content == content.strip() and content and "{" not in content


def test_everyday_and_identity_talk() -> None:
    style, identity = conversations.style(300, 1), conversations.identity(90, 1)
    _well_formed(style + identity)
    assert len(style) == 300 and len(identity) == 90
    assert style == conversations.style(300, 1) != conversations.style(300, 2)
    assert sum(len(e.asks) for e in EVERYDAY) >= 150 and sum(len(e.asks) for e in IDENTITY) >= 40
    assert len({c[0]["content"] for c in identity}) >= 40
    assert 0.1 < sum(len(c) == 4 for c in style) / 300 < 0.4
    assert all(len(m["content"].split()) <= 25 for c in style + identity for m in c)


def test_task_conversations_carry_the_working_and_refuse_held_out_problems() -> None:
    problems = generate("addition", 2, 60, 1)
    found = conversations.tasks(problems, 1)
    _well_formed(found)
    for problem, (_, reply) in zip(problems, found, strict=True):
        assert verify(problem, reply["content"]).correct
        assert reply["reasoning_content"] in ("", problem.thought)
    assert 0 < sum(reply["reasoning_content"] == "" for _, reply in found) < 30
    with pytest.raises(UsageError):
        conversations.tasks(generate("addition", 2, 1, 1, "heldout"), 1)


def test_facts_are_true_and_only_of_people_who_may_be_used() -> None:
    found = conversations.facts(KNOWN, 1)
    _well_formed(found)
    for (person, attribute), (asked, reply) in zip(KNOWN, found, strict=True):
        assert is_right(person, attribute, reply["content"]) and "reasoning_content" not in reply
        assert asked["content"] != question(person, attribute, RESERVED) and person.name in asked["content"]
    for forbidden in (TOWN.group("written", "test")[0], TOWN.group("ghost")[0], TOWN.group("stranger")[0]):
        with pytest.raises(UsageError):
            conversations.facts([(forbidden, "pet")], 1)


def test_refusals_are_refusals_and_never_about_test_people() -> None:
    stranger = TOWN.group("stranger")[0]
    found = [conversations.refusal(stranger, "pet", i, i) for i in range(len(REFUSALS))]
    _well_formed(found)
    assert all(is_refusal(reply["content"]) for _, reply in found)
    assert len({reply["content"] for _, reply in found}) >= 12
    assert all(asked["content"] != question(stranger, "pet", RESERVED) for asked, _ in found)
    with pytest.raises(UsageError):
        conversations.refusal(TOWN.group("ghost")[0], "pet", 0)


def test_prompts_are_different_and_filled() -> None:
    prompts = conversations.prompts(120, 1)
    assert len(set(prompts)) == 120 and not any("{" in prompt for prompt in prompts)


def test_the_parts_of_taste_add_up() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    good = taste("Thank you!", "You are welcome! I am glad that I could help.")
    assert good.score == pytest.approx(1.0) and set(good.parts) == set(WEIGHTS)
    assert 0 <= taste("Hello!", "").score < 0.3


@pytest.mark.parametrize(
    ("part", "worse"),
    [
        ("brief", "You are welcome! " + "I am glad that I could help and I like to talk on and on. " * 6),
        ("brief", "Welcome."),
        ("whole", "you are welcome, I am glad that I could help and"),
        ("warm", "That was help for you."),
        ("honest", "You are welcome! I am a human, glad to help."),
        ("on_topic", "Please take an umbrella, it may rain today."),
        ("fresh", "I am glad to help. I am glad to help. I am glad to help."),
    ],
)
def test_each_fault_costs_its_part_and_loses_the_comparison(part: str, worse: str) -> None:
    good = "You are welcome! I am glad that I could help."
    assert taste("Thank you!", worse).parts[part] < taste("Thank you!", good).parts[part]
    assert prefer("Thank you!", good, worse) == 0 and prefer("Thank you!", worse, good) == 1
    assert prefer("Thank you!", good, good) == -1


def test_the_written_replies_suit_the_taste() -> None:
    talk = conversations.style(200, 5) + conversations.identity(60, 5)
    scores = [taste(c[i]["content"], c[i + 1]["content"]).score for c in talk for i in range(0, len(c), 2)]
    assert sum(scores) / len(scores) > 0.8
    swapped = [taste(a[0]["content"], b[1]["content"]).score for a, b in pairwise(talk)]
    assert sum(swapped) / len(swapped) < sum(scores) / len(scores) - 0.1
