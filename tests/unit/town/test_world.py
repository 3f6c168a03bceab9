"""The town is what its config says: groups, splits, names that tell nothing, values dealt fairly, planned exposures."""

from __future__ import annotations

import json
from collections import Counter
from itertools import chain

import pytest

from trivium.ground.errors import ConfigError
from trivium.town.names import ATTRIBUTES, FIRST_NAMES, LAST_NAMES, VALUES
from trivium.town.world import Town, TownConfig, build

TOWN = build(TownConfig())


def test_the_same_config_gives_the_same_town_and_json_keeps_it() -> None:
    small = TownConfig(people=20, crowd=10, ghosts=5, strangers=10, seed=3)
    assert build(small) == build(small) != build(TownConfig(people=20, crowd=10, ghosts=5, strangers=10, seed=4))
    assert Town.from_json(json.loads(json.dumps(TOWN.to_json()))) == TOWN


def test_groups_and_splits() -> None:
    sizes = Counter(person.group for person in TOWN.people)
    assert sizes == {"written": 200, "crowd": 100, "unlisted": 500, "ghost": 60, "stranger": 500}
    assert {p.split for p in TOWN.group("ghost")} == {"test"}
    for group in ("stranger", "crowd", "unlisted"):
        assert {p.split for p in TOWN.group(group)} == {"train"}
    assert len({p.id for p in TOWN.people}) == len({p.name for p in TOWN.people}) == len(TOWN.people)


def test_never_written_people_have_facts_but_no_copies() -> None:
    for person in [*TOWN.group("ghost"), *TOWN.group("stranger"), *TOWN.group("unlisted")]:
        assert set(person.facts) == set(ATTRIBUTES) and not any(person.copies.values())


def test_each_split_has_200_famous_facts_or_more() -> None:
    for split in ("train", "test"):
        famous = [p for p in TOWN.group("written", split) if p.famous]
        assert 6 * len(famous) >= 200
        assert all(copies >= 26 for p in famous for copies in p.copies.values())


def test_every_bin_of_two_readings_has_40_facts_of_written_people() -> None:
    seen = [2 * copies for p in TOWN.group("written") for copies in p.copies.values()]
    for low, high in ((0, 0), (1, 3), (4, 12), (13, 31), (32, 63), (64, 999)):
        assert sum(low <= count <= high for count in seen) >= 40, (low, high)


def test_single_names_say_nothing_about_the_group() -> None:
    groups = [
        *(TOWN.group(one) for one in ("ghost", "stranger", "unlisted")),
        [p for p in TOWN.group("written", "train") if p.famous],
    ]
    for people in groups:
        for part, pool in ((0, FIRST_NAMES), (1, LAST_NAMES)):
            counts = Counter(p.name.split()[part] for p in people)
            spread = [counts[name] for name in pool]
            assert max(spread) - min(spread) <= 2


def test_the_guesser_is_poor_but_no_fool_and_groups_share_its_frequencies() -> None:
    for attribute in ATTRIBUTES:
        value, rate = TOWN.guesser(attribute)
        assert 1 / len(VALUES[attribute]) < rate <= 0.12
        ghosts = sum(p.facts[attribute] == value for p in TOWN.group("ghost")) / 60
        assert abs(ghosts - rate) < 0.05


def test_values_and_names_are_single_words_that_meet_nowhere() -> None:
    words = [*FIRST_NAMES, *LAST_NAMES, *chain(*VALUES.values())]
    assert len({word.casefold() for word in words}) == len(words)
    assert all(word.isalpha() for word in words)
    assert all(len(values) >= 15 for values in VALUES.values())


@pytest.mark.parametrize(
    "bad",
    [
        {"people": 1},
        {"people": 5000},
        {"famous": 2.0},
        {"question_share": -0.1},
        {"unlisted_questions": 7},
        {"famous_copies": (9, 3)},
    ],
)
def test_a_config_that_cannot_be_is_refused_with_its_value(bad: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        TownConfig(**bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(5))
def test_tiny_towns_work(seed: int) -> None:
    town = build(TownConfig(seed=seed, people=8, crowd=0, ghosts=2, strangers=3))
    assert {p.split for p in town.people if p.famous} == {"train", "test"}
