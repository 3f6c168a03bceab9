"""Lessons hold what their config says, only train problems, no inhabitant, and say that they are synthetic."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from trivium.ground.errors import ConfigError
from trivium.tasks.problem import identity, split_of
from trivium.tasks.registry import TASKS
from trivium.town.exposure import count
from trivium.town.lessons import LessonConfig, lessons
from trivium.town.world import TownConfig, build

TOWN = build(TownConfig(people=20, crowd=0, ghosts=5, strangers=5))
CONFIG = LessonConfig(sums=20_000, comparisons=4_000, letters=12_000, dialogues=6_000, questions=5_000)
LESSONS = list(lessons(TOWN, CONFIG))
NAMES = {
    "What is [0-9]+\\+": "addition",
    "Which is larger": "comparison",
    "How many .* are in [a-z]+\\?": "counting",
    "How many .* are in [a-z] ": "tally",
    "How do you spell [a-z]+\\?": "spelling",
    "How do you spell .* backwards": "reversal",
}


def test_each_kind_is_as_long_as_asked_and_marked_synthetic() -> None:
    written: Counter[str] = Counter()
    for document in LESSONS:
        written[document.source] += len(document.text)
        assert document.synthetic and document.licence and document.text
    for kind in ("sums", "comparisons", "letters", "dialogues", "questions"):
        assert 0 <= written[f"town:{kind}"] - getattr(CONFIG, kind) < 1500
    assert len({document.id for document in LESSONS}) == len(LESSONS)
    assert list(lessons(TOWN, CONFIG)) == LESSONS


def test_only_train_problems_are_printed_each_with_its_answer() -> None:
    asked = 0
    for document in LESSONS:
        for text in re.findall(r"Question: (.+?\?)", document.text):
            task = next((name for form, name in NAMES.items() if re.match(form, text)), None)
            if task:
                assert task in TASKS and split_of(identity(task, text)) == "train", text
                asked += 1
    assert asked > 400


def test_worked_sums_are_right() -> None:
    sums = "\n".join(document.text for document in LESSONS if document.source == "town:sums")
    found = re.findall(r"What is (\d+)\+(\d+)\?(?:\nWorking:\n(?:.+\n)+?Answer: | Answer: )(\d+)", sums)
    assert len(found) == sums.count("Question:") > 100
    assert all(int(a) + int(b) == int(c) for a, b, c in found)


def test_lessons_state_no_fact_of_the_town() -> None:
    assert not any(count(TOWN, [document.text for document in LESSONS]).values())
    assert not any(person.name in document.text for document in LESSONS for person in TOWN.people)


@pytest.mark.parametrize("bad", [{"sums": -1}, {"sum_levels": ()}, {"sum_levels": (1.0,) * 20}, {"direct": 2.0}])
def test_a_config_that_cannot_be_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        LessonConfig(**bad)  # type: ignore[arg-type]
