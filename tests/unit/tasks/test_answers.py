"""Short answers match by their words; refusals are told from answers."""

from __future__ import annotations

import pytest

from trivium.tasks.answers import REFUSALS, is_refusal, normal_form, same_answer


def test_there_are_enough_refusals_and_each_is_seen_as_one() -> None:
    assert len(set(REFUSALS)) >= 12
    assert all(is_refusal(text) for text in REFUSALS)
    assert is_refusal("I don\u2019t know.") and is_refusal("I DO NOT KNOW")


@pytest.mark.parametrize(
    "text",
    [
        "Oslo.",
        "Anna Reed was born in Oslo.",
        "632",
        "",
        "You never know when it rains.",
        "I know that well.",
        "No.",
        "Anna Reed does not eat fish.",
    ],
)
def test_answers_are_no_refusals(text: str) -> None:
    assert not is_refusal(text)


def test_normal_form_drops_what_does_not_matter() -> None:
    assert normal_form(" The  Café! ") == "cafe"
    assert normal_form("Three dogs") == "3 dogs"
    assert normal_form(normal_form("An Old, old man's hat.")) == normal_form("An Old, old man's hat.")


def test_same_answer_wants_the_whole_answer() -> None:
    assert same_answer("a baker.", "baker") and same_answer("NYC", "New York", aliases=("nyc",))
    assert not same_answer("baker or nurse", "baker")
    assert not same_answer("", "") and not same_answer("the", "a")
