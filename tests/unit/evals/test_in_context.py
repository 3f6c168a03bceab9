"""Learning from the prompt: puzzles that only their shots solve, and curves that tell a reader from a parrot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from trivium.evals.benchmarks.item import Item
from trivium.evals.benchmarks.scoring import Likelihood
from trivium.evals.in_context import LABELS, MADE_UP, SHOTS, chance, made_up, measure, real
from trivium.ground.how import How
from trivium.ground.progress import Progress


def pairs_of(lines: Sequence[str]) -> list[tuple[str, str]]:
    return [(one, label.strip()) for one, _, label in (line.partition(" -> ") for line in lines)]


class Reader:
    """Knows nothing but the prompt: prefers the label of the last line whose word ends as the asked one does."""

    def __init__(self, suffix: int, longest: int = 10**9) -> None:
        self.suffix, self.longest, self.cut = suffix, longest, 0

    def score(self, pairs: Sequence[tuple[str, str]], bar: Progress | None = None) -> list[Likelihood]:
        self.cut += sum(len(context) > self.longest for context, _ in pairs)
        return [self._one(*pair) for pair in pairs]

    def _one(self, context: str, continuation: str) -> Likelihood:
        *shots, asked = context.split("\n")
        end = asked.removesuffix(" ->")[-self.suffix :]
        known = [label for one, label in pairs_of(shots) if one.endswith(end)]
        likely = bool(known) and known[-1] == continuation.strip()
        return Likelihood(0.0 if likely else -5.0, likely, 1)


def curve(reader: Any, name: str, count: int = 200) -> list[dict[str, Any]]:
    return measure(reader, name, made_up(name, count, seed=1), How(progress=False))


@pytest.mark.parametrize("name", MADE_UP)
def test_a_puzzle_is_its_seeds_and_its_answer_is_among_the_choices(name: str) -> None:
    puzzles = made_up(name, 50, 0)
    assert puzzles == made_up(name, 50, 0)
    assert puzzles[:10] == made_up(name, 10, 0) != made_up(name, 10, 1)
    for puzzle in puzzles:
        assert len(puzzle.shots) == len(puzzle.shuffled) == SHOTS[-1]
        assert len(set(puzzle.item.choices)) == LABELS
        assert [one for one, _ in pairs_of(puzzle.shots)] == [one for one, _ in pairs_of(puzzle.shuffled)]
    assert chance(puzzles) == pytest.approx(1 / LABELS)
    golds = Counter(puzzle.item.gold for puzzle in made_up(name, 400, 0))
    assert min(golds.values()) > 60


def test_mapping_asks_for_a_fresh_word_whose_ending_was_shown() -> None:
    for puzzle in made_up("mapping", 50, 0):
        asked = puzzle.item.context.removesuffix(" ->")
        shown = pairs_of(puzzle.shots)
        assert asked not in [one for one, _ in shown]
        labels = {label for one, label in shown if one[-2:] == asked[-2:]}
        assert labels == {puzzle.item.choices[puzzle.item.gold]}
        assert all(len({label for _, label in shown[i : i + LABELS]}) == LABELS for i in range(0, SHOTS[-1], LABELS))


def test_recall_asks_for_the_partner_of_the_first_word() -> None:
    for puzzle in made_up("recall", 50, 0):
        first, label = pairs_of(puzzle.shots)[0]
        assert puzzle.item.context == f"{first} ->"
        assert puzzle.item.choices[puzzle.item.gold] == label


def test_who_reads_the_shots_rises_to_the_top_and_the_control_stays_at_chance() -> None:
    rows = curve(Reader(suffix=2), "mapping")
    assert [row["shots"] for row in rows] == list(SHOTS)
    values = [row["accuracy"]["value"] for row in rows]
    assert values == sorted(values)
    assert values[SHOTS.index(4) :] == [1.0] * 4
    assert values[0] < 0.4
    for row in rows:
        assert abs(row["shuffled"]["value"] - 0.25) < 0.15
    assert rows[-1]["over_shuffled"]["low"] > 0.5
    assert rows[-1]["gain"]["low"] > 0.5


def test_one_pair_is_enough_to_copy_from() -> None:
    rows = curve(Reader(suffix=4), "recall")
    assert [row["accuracy"]["value"] for row in rows[1:]] == [1.0] * (len(SHOTS) - 1)
    assert all(row["shuffled"]["value"] < 0.5 for row in rows)


def test_prompts_that_do_not_fit_end_the_curve() -> None:
    assert [row["shots"] for row in curve(Reader(2, longest=80), "mapping", 20)] == [0, 1, 2, 4]


def test_a_real_task_takes_its_own_items_as_shots() -> None:
    items = [Item(f"{i}", "piqa", f"goal {i}:", ("x", "y"), i % 2) for i in range(40)]
    puzzles = real(items[:10], items, seed=0)
    for item, puzzle in zip(items, puzzles, strict=False):
        assert len(puzzle.shots) == SHOTS[-1]
        assert not any(shot.startswith(item.context) for shot in puzzle.shots)
        assert [shot[:-3] for shot in puzzle.shots] == [shot[:-3] for shot in puzzle.shuffled]
        assert puzzle.shots != puzzle.shuffled
    few = real(items[:5], items[:5], seed=0)
    rows = measure(Reader(2), "piqa", few, How(progress=False))  # type: ignore[arg-type]
    assert [row["shots"] for row in rows] == [0, 1, 2, 4]
