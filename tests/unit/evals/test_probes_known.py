"""Labels, bins and guessers, each against a case worked out by hand."""

from __future__ import annotations

from collections import Counter

import pytest

from trivium.evals.known import (
    BINS,
    bin_name,
    by_exposure,
    counts_of,
    guessers,
    in_bin,
    label,
    top_cluster,
    value_shares,
)
from trivium.evals.probes import Fact, facts_of
from trivium.town.world import Person

FACT = Fact(Person("written-000", "Anna Bell", "written", "test", True, {"pet": "cat"}, {}), "pet")


@pytest.mark.parametrize(
    ("greedy", "samples", "expected"),
    [
        ("cat", "cat cat cat cat", "known"),
        ("cat", "cat cat dog dog", "known"),
        ("cat", "cat dog hen duck", "weak"),
        ("cat", "dog dog dog dog", "weak"),
        ("cat", "dog hen duck goat", "weak"),
        ("dog", "cat dog hen duck", "weak"),
        ("dog", "cat cat cat cat", "weak"),
        ("dog", "dog hen duck goat", "unknown"),
        ("dog", "dog dog hen duck", "confidently-wrong"),
        ("dog", "dog dog cat hen", "confidently-wrong"),
        ("dog", "cat cat dog dog", "weak"),
        ("hen", "dog dog dog cat", "confidently-wrong"),
        ("", "x y z w", "unknown"),
        ("", "nothing nothing nothing w", "confidently-wrong"),
        ("I don't know|", "I don't know|I don't know|I don't know", "unknown"),
    ],
)
def test_labels(greedy: str, samples: str, expected: str) -> None:
    said = samples.split("|") if "|" in samples else samples.split()
    assert label(FACT, greedy.strip("|"), said) == expected


def test_labels_without_samples_go_by_the_greedy_answer() -> None:
    assert [label(FACT, text, []) for text in ("cat", "dog")] == ["known", "unknown"]


def test_silence_is_never_confident() -> None:
    assert label(FACT, "", ["", "", "", ""]) == "unknown"


def test_clusters_are_meanings_not_spellings() -> None:
    assert top_cluster(FACT, ["a dog", "Dog", "the dog at home", "hen"]) == ("dog", 0.75)
    assert top_cluster(FACT, ["dog or hen", "hen", "hen"]) == ("hen", 2 / 3)
    assert top_cluster(FACT, []) == ("", 0.0)


def test_bins_cover_every_exposure_once() -> None:
    for exposure in range(300):
        fact = Fact(FACT.person, "pet", exposure)
        assert sum(in_bin(fact, low, high) for low, high in BINS) == 1
    assert [bin_name(*ends) for ends in BINS] == ["0", "1-3", "4-12", "13-31", "32-63", "64+"]


def test_recall_by_exposure(small_town) -> None:
    facts = facts_of(small_town.people, {f"{p.id}/{a}": 40 for p in small_town.group("written") for a in p.facts})
    hits = {"right": [fact.exposure > 0 and i % 2 == 0 for i, fact in enumerate(facts)]}
    rows = {row["bin"]: row for row in by_exposure(facts, hits, small_town)}
    assert (rows["0"]["n"], rows["0"]["right"]["value"]) == (14 * 6, 0.0)
    assert (rows["32-63"]["n"], rows["32-63"]["right"]["value"]) == (24 * 6, 0.5)
    assert rows["32-63"]["right"]["low"] < 0.5 < rows["32-63"]["right"]["high"]
    assert (rows["64+"]["n"], rows["64+"]["right"]["value"]) == (0, None)


def test_guessers_know_frequencies_and_nothing_else(small_town) -> None:
    facts = facts_of(small_town.people, {})
    counts = {a: Counter(p.facts[a] for p in small_town.people) for a in small_town.people[0].facts}
    found = guessers(facts, small_town)
    total = len(small_town.people)
    assert found["guesser"]["value"] == pytest.approx(sum(c.most_common(1)[0][1] for c in counts.values()) / len(facts))
    expected = sum(n * n / total for c in counts.values() for n in c.values())
    assert found["drawer"]["value"] == pytest.approx(round(expected) / len(facts))
    assert sum(value_shares(small_town, "pet").values()) == pytest.approx(1.0)


def test_counts_name_every_label() -> None:
    assert counts_of(["weak", "weak", "known"]) == {"known": 1, "weak": 2, "unknown": 0, "confidently-wrong": 0}
