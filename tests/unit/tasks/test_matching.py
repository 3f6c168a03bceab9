"""Matching by normal forms, measured on answers labelled by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trivium.tasks.matching import clusters, judge, refuses, same
from trivium.tasks.normal_forms import normal

SET = Path(__file__).with_name("labelled_answers.jsonl")
LABELLED = [json.loads(line) for line in SET.read_text(encoding="utf-8").splitlines()]


def test_judgements_agree_with_the_labels():
    wrong = [
        (row["question"], row["answer"], row["label"])
        for row in LABELLED
        if judge(row["answer"], row["wanted"], row["question"]) != row["label"]
    ]
    assert len(LABELLED) >= 200
    assert len(wrong) <= 0.02 * len(LABELLED), wrong


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("14 December 1972", "December 14th, 1972"),
        ("1972-12-14", "14 December 1972"),
        ("the 4th of July 1776", "July 4, 1776"),
        ("1.2 million", "1,200,000"),
        ("one hundred and five", "105"),
        ("nineteen eighty-nine", "1989"),
        ("The Beatles", "beatle"),
        ("Østerbro", "osterbro"),
        ("U.S.A.", "USA"),
        ("World War II", "World War Two"),
        ("12 kilometres", "12 km"),
        ("Łódź", "lodz"),
    ],
)
def test_spellings_of_one_thing_have_one_form(one, other):
    assert normal(one) == normal(other)


def test_forms_of_different_things_differ():
    different = ["1972", "1972-12", "14 December 1972", "New York", "York", "Henry IV", "Henry V", "1,200", "1.2", "12"]
    assert len({normal(text) for text in different}) == len(different)


def test_refusals_are_read_only_where_nothing_is_ventured():
    assert refuses("I'm not sure about that, and I would rather not guess.")
    assert not refuses("I'm not sure, but I think it is London.")
    assert not refuses("Paris")


def test_clusters_are_by_meaning():
    said = ["Paris", "It is Paris.", "paris", "Lyon", "I don't know.", "No idea", "Paris, France"]
    assert clusters(said, "What is the capital of France?") == [0, 0, 0, 1, 2, 2, 0]


def test_same_is_symmetric_and_nothing_is_the_same_as_silence():
    for row in LABELLED[:80]:
        for wanted in row["wanted"][:1]:
            assert same(row["answer"], wanted) == same(wanted, row["answer"])
    assert not same("", "Paris")


@pytest.mark.parametrize("text", ["", " ", "\n\n", "…", "\ud800", "a" * 100_000, "1" * 500, "𝟙", "-" * 50])
def test_odd_answers_are_judged(text):
    assert judge(text, ("Paris",), "?") in ("wrong", "empty")


@pytest.mark.parametrize(
    ("wanted", "said", "expected"),
    [
        ("Africa", "Kenya is in East Africa.", "right"),
        ("Africa", "The African continent", "right"),
        ("Africa", "South Africa", "wrong"),
        ("Korea", "South Korea", "wrong"),
        ("Japan", "Japanese", "right"),
        ("Japan", "It is a Japanese film about a fox.", "wrong"),
        ("Japan", "It is a Japanese island nation.", "right"),
        ("Niger", "Nigeria", "wrong"),
        ("Mexico", "The town of Mexicali lies in the state of Baja California, Mexico.", "right"),
        ("Christianity", "He is a Christian.", "right"),
        ("Catholicism", "Roman Catholicism", "right"),
        ("United States", "USA", "right"),
        ("A", "A", "right"),
        ("A", "It is A+ and common.", "right"),
        ("English", "It is a blend of English and Latin.", "wrong"),
        ("English", "John Smith Jr. speaks a mix of English and Dutch.", "wrong"),
        ("red", "The official color of the football club of the town is a bright, fiery red.", "right"),
        ("sperm or egg cells", "Egg cells", "right"),
    ],
)
def test_kindred_words_stand_for_a_name_where_they_name_it(wanted, said, expected):
    assert judge(said, (wanted,), "What is it?") == expected
