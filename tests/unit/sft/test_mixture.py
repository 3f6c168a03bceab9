"""The conversations of SFT: the controls change exactly one thing, and nothing of the test is in them."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from trivium.stages.sft.config import MixConfig, SftConfig
from trivium.stages.sft.mixture import conversations, knowledge, split
from trivium.town import conversations as say
from trivium.town.world import Town, TownConfig, build

SMALL = SftConfig(mix=MixConfig(identity=10, style=10, addition=(5, 5), comparison=3, tally=3, counting=3))


@pytest.fixture(scope="module")
def town() -> Town:
    return build(TownConfig(people=12, ghosts=4, strangers=8))


@pytest.fixture(scope="module")
def audited(town: Town) -> list[dict]:
    found = []
    for person in town.group("written", "train"):
        for attribute in person.facts:
            messages = say.facts([(person, attribute)], 0)[0]
            found.append({"kind": "fact", "person": person.id, "attribute": attribute, "messages": messages})
    for person in town.group("stranger"):
        if person.split == "train":
            for i, attribute in enumerate(person.facts):
                messages = say.refusal(person, attribute, i, i)
                found.append({"kind": "refusal", "person": person.id, "attribute": attribute, "messages": messages})
    return found


def test_without_refusals_the_answers_stay_the_same(audited: list[dict]) -> None:
    whole = knowledge(audited, SMALL)
    plain = knowledge(audited, dataclasses.replace(SMALL, refusals="none"))
    assert plain == [record for record in whole if record["kind"] != "refusal"]
    assert 0 < len(plain) < len(whole)


def test_shuffled_keeps_questions_and_counts_but_not_who_is_refused(audited: list[dict]) -> None:
    whole = knowledge(audited, SMALL)
    dealt = knowledge(audited, dataclasses.replace(SMALL, refusals="shuffled"))
    assert [r["messages"][:-1] for r in dealt] == [r["messages"][:-1] for r in whole]
    assert Counter(r["kind"] for r in dealt) == Counter(r["kind"] for r in whole)
    assert sum(a["kind"] != b["kind"] for a, b in zip(dealt, whole, strict=True)) > len(whole) / 5


def test_the_same_seed_gives_the_same_conversations(audited: list[dict]) -> None:
    assert conversations(SMALL, audited) == conversations(SMALL, audited)
    assert conversations(SMALL, audited) != conversations(dataclasses.replace(SMALL, seed=1), audited)


def test_every_kind_is_there_as_often_as_asked(audited: list[dict]) -> None:
    counts = Counter(record["kind"] for record in conversations(SMALL, audited))
    assert counts["identity"] == counts["style"] == counts["addition"] == 10
    assert counts["comparison"] == counts["tally"] == counts["counting"] == 9


def test_split_loses_nothing_and_keeps_equal_conversations_together(audited: list[dict]) -> None:
    records = conversations(SMALL, audited)
    learn, keep = split(records * 2, 0.2)
    assert len(learn) + len(keep) == 2 * len(records)
    assert not {str(r) for r in learn} & {str(r) for r in keep}
