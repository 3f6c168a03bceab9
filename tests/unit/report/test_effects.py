"""Effects: each row says what the figures on disk say, and is met exactly when the target is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from trivium.ground.artifact import Artifact
from trivium.stages.report.effects import best_of, effects, pair_accuracy, rising

KEYS = {"stage", "effect", "before", "after", "target", "met", "n", "detail"}
Make = Callable[[str, str, Any], Artifact]


def row(rows: list[dict[str, Any]], stage: str, word: str) -> dict[str, Any]:
    (found,) = [r for r in rows if r["stage"] == stage and word in r["effect"]]
    return found


def test_a_whole_street_gives_every_row_in_the_order_of_the_stages(street: dict[str, Artifact]) -> None:
    rows = effects(street)
    assert [r["stage"] for r in rows] == ["base"] * 3 + ["sft"] * 2 + ["reward"] * 2 + ["rl"] * 2
    assert all(set(r) == KEYS and r["met"] is True for r in rows), [r for r in rows if not r["met"]]
    assert row(rows, "sft", "invented")["before"].startswith("96.9 % [")
    assert row(rows, "rl", "thinking")["n"] == 600


def test_nothing_in_gives_nothing_out() -> None:
    assert effects({}) == []


@pytest.mark.parametrize("node", ["base", "audit-base", "audit-sft", "audit-plain", "reward", "rl"])
def test_each_node_may_be_missing(street: dict[str, Artifact], node: str) -> None:
    rest = {name: artifact for name, artifact in street.items() if name != node}
    assert 0 < len(effects(rest)) <= 9


def changed(artifact: Artifact, name: str, *path: Any, to: Any) -> Any:
    value = copy.deepcopy(artifact.json(name))
    place = value
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return value


@pytest.mark.parametrize(
    ("node", "name", "path", "to", "stage", "word"),
    [
        ("base", "evals.json", ("heldout", "web", "margin", "low"), 0.0, "base", "bits"),
        ("audit-base", "summary.json", ("unread_like_a_guesser", "cloze"), False, "base", "sentences"),
        ("audit-base", "summary.json", ("bins", -1, "question", "value"), 0.79, "base", "questions"),
        ("audit-base", "summary.json", ("bins", 3, "cloze", "high"), 0.1, "base", "sentences"),
        ("audit-base", "summary.json", ("bins", -1, "high"), 63, "base", "questions"),
        ("audit-plain", "summary.json", ("invented", "value"), 0.79, "sft", "invented"),
        ("audit-sft", "summary.json", ("invented", "value"), 0.21, "sft", "invented"),
        ("audit-sft", "summary.json", ("invented", "n"), 299, "sft", "invented"),
        ("audit-sft", "summary.json", ("well_known", "test", "refused", "value"), 0.11, "sft", "refusals on"),
        ("audit-sft", "summary.json", ("well_known", "test", "refused", "n"), 199, "sft", "refusals on"),
        ("rl", "evals.json", ("heldout", "gain", "value"), 0.149, "rl", "practice"),
        ("rl", "evals.json", ("heldout", "gain", "low"), 0.0, "rl", "practice"),
        ("rl", "evals.json", ("heldout", "gain", "n"), 499, "rl", "practice"),
        ("rl", "evals.json", ("think", "gain", "value"), 0.19, "rl", "thinking"),
        ("reward", "evals.json", ("heldout", "accuracy", "low"), 0.5, "reward", "comparisons"),
    ],
)
def test_a_target_missed_by_a_little_is_missed(
    street: dict[str, Artifact],
    with_file: Make,
    node: str,
    name: str,
    path: tuple[Any, ...],
    to: Any,
    stage: str,
    word: str,
) -> None:
    inputs = {**street, node: with_file(node, name, changed(street[node], name, *path, to=to))}
    rows = effects(inputs)
    assert row(rows, stage, word)["met"] is False
    assert sum(r["met"] is False for r in rows) <= 2  # both kinds of recall share the bins


def test_too_few_items_are_named(street: dict[str, Artifact], with_file: Make) -> None:
    value = changed(street["audit-sft"], "summary.json", "invented", "n", to=48)
    rows = effects({**street, "audit-sft": with_file("audit-sft", "summary.json", value)})
    assert "Only 48 of the 300 items" in row(rows, "sft", "invented")["detail"]


def test_without_the_control_run_inventions_cannot_be_met(street: dict[str, Artifact]) -> None:
    rows = effects({"audit-sft": street["audit-sft"]})
    assert row(rows, "sft", "invented")["before"] == "–" and row(rows, "sft", "invented")["met"] is False


def test_rising_bears_noise_but_no_fall() -> None:
    def figure(low: float, high: float) -> dict[str, float]:
        return {"value": (low + high) / 2, "low": low, "high": high}

    assert rising([figure(0, 0.1), figure(0.4, 0.5), figure(0.38, 0.48), figure(0.9, 1.0)])
    assert not rising([figure(0, 0.1), figure(0.4, 0.5), figure(0.2, 0.3), figure(0.9, 1.0)])
    assert not rising([figure(0, 0.5), figure(0.4, 0.6)])


def test_the_reward_models_figures_are_found_in_several_forms() -> None:
    half = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    assert pair_accuracy({"accuracy": half}) == half
    assert pair_accuracy({"accuracy": 0.5}) is None
    assert [r["n"] for r in best_of({"best_of": {"8": {"gold": half}, "1": half}})] == [1, 8]
