"""Questions, openings and answers agree with the facts; replies are read by the values they name."""

from __future__ import annotations

import pytest

from trivium.ground.errors import UsageError
from trivium.town.names import ATTRIBUTES, VALUES
from trivium.town.questions import (
    CLOZES,
    PHRASINGS,
    cloze,
    few_shot,
    full_answer,
    is_right,
    question,
    short_answer,
    values_in,
)
from trivium.town.world import TownConfig, build

TOWN = build(TownConfig(people=10, crowd=0, ghosts=2, strangers=2))
PERSON = TOWN.people[0]


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_forms_name_the_person_and_end_before_the_value(attribute: str) -> None:
    value = short_answer(PERSON, attribute)
    for i in range(PHRASINGS):
        asked = question(PERSON, attribute, i)
        assert PERSON.name in asked and asked.endswith("?") and value not in asked
    for i in range(len(CLOZES[attribute])):
        opening = cloze(PERSON, attribute, i)
        assert opening.startswith(PERSON.name) and not opening.endswith(" ") and value not in opening.split()
    for i in range(7):
        assert is_right(PERSON, attribute, full_answer(PERSON, attribute, i))


def test_an_unknown_phrasing_is_refused() -> None:
    with pytest.raises(UsageError):
        question(PERSON, "pet", PHRASINGS)


def test_two_values_are_no_right_answer() -> None:
    true = PERSON.facts["pet"]
    other = next(v for v in VALUES["pet"] if v != true)
    assert is_right(PERSON, "pet", f"A {true}. I said {true.upper()}!")
    assert not is_right(PERSON, "pet", f"A {true} or a {other}.")
    assert not is_right(PERSON, "pet", "I don't know.")
    assert values_in(f"{other}, then {true}, then {other}", "pet") == (other, true)
    assert values_in(true, "dish") == ()
    assert values_in(f"s{true}s", "pet") == ()


def test_few_shot_prompts_end_where_the_answer_begins() -> None:
    prompt = few_shot([("What is up?", "sky")], "What is down?")
    assert prompt == "Question: What is up? Answer: sky.\nQuestion: What is down? Answer:"
