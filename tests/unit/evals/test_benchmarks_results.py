"""Figures of tasks: what counts as right, what chance is taken off, and what one model gained or lost on another."""

from __future__ import annotations

import math
from typing import Any

import pytest

from trivium.evals.benchmarks.compare import compare_documents, compare_tasks
from trivium.evals.benchmarks.item import Item, Kind
from trivium.evals.benchmarks.results import Result, accuracy, centred, mean_centred, task_figures
from trivium.evals.benchmarks.scoring import Likelihood
from trivium.evals.intervals import Interval
from trivium.ground.errors import UsageError


def result(
    nats: list[float], gold: int = 0, task: str = "piqa", choices: tuple[str, ...] = ("a", "bb"), kind: Kind = "choice"
) -> Result:
    item = Item(f"{task}/{nats}/{gold}", task, "context", choices, gold, kind)
    return Result(item, "d", tuple(Likelihood(value, value > -1, 1) for value in nats))


def test_acc_takes_the_likeliest_and_acc_norm_the_likeliest_by_length() -> None:
    one = result([-2.0, -3.0], gold=1)
    assert (one.acc, one.acc_norm, one.headline) == (0.0, 1.0, 1.0)
    assert result([-2.0, -3.0], gold=1, task="boolq").headline == 0.0
    assert result([-2.0, -2.0]).choice == 0
    wide = result([-3.0, -4.0], gold=0, choices=("éé", "bbb"))
    assert (wide.acc_norm, wide.acc_bytes) == (0.0, 1.0)


def test_a_continuation_is_right_when_it_is_greedy() -> None:
    for nats in (-0.5, -2.0):
        one = result([nats], task="lambada", choices=("word",), kind="continuation")
        assert (one.acc, one.acc_norm, one.chance) == (float(nats > -1), None, 0.0)


def test_chance_is_taken_off() -> None:
    assert centred(Interval(0.5, 0.25, 1.0, 9), 0.25) == Interval(pytest.approx(1 / 3), 0.0, 1.0, 9)
    records = [result([-1.0, -9.0], gold).to_json() for gold in (0, 0, 0, 1)]
    figures = task_figures(records)
    assert figures["acc"]["value"] == 0.75
    assert figures["centred"]["value"] == pytest.approx(0.5)
    assert figures["metric"] == "acc_norm"
    assert figures["acc"]["low"] < 0.75 < figures["acc"]["high"]


def test_items_all_alike_are_not_certainty() -> None:
    none, some, every = (accuracy([1.0] * hits + [0.0] * (20 - hits)) for hits in (0, 5, 20))
    assert none.low == 0.0 < none.high < 0.3
    assert some.low < 0.25 < some.high
    assert 0.7 < every.low < every.high == 1.0
    assert math.isnan(accuracy([]).value)


def test_boolqs_chance_is_its_larger_class() -> None:
    figures = task_figures([result([-1.0, -2.0], 0, "boolq").to_json()])
    assert (figures["chance"], figures["metric"]) == (0.62, "acc")


def test_lambada_has_a_perplexity() -> None:
    records = [result([nats], 0, "lambada", ("w",), "continuation").to_json() for nats in (-1.0, -3.0)]
    assert task_figures(records)["perplexity"]["value"] == pytest.approx(math.exp(2))


def test_the_mean_over_tasks_weighs_tasks_alike() -> None:
    right = [result([-1.0, -9.0], 0).to_json()] * 3
    wrong = [result([-1.0, -9.0], 1, "boolq").to_json()] * 50
    mean = mean_centred([right, wrong])
    assert mean.value == pytest.approx((1 + (0 - 0.62) / 0.38) / 2)
    assert mean.low == mean.high == pytest.approx(mean.value)
    assert math.isnan(mean_centred([]).value)


def records(count: int, right: int, task: str = "piqa") -> list[dict[str, Any]]:
    return [{"task": task, "id": str(i), "digest": "x", "headline": float(i < right)} for i in range(count)]


def test_what_was_lost_is_said_only_when_the_interval_says_so() -> None:
    before, after = records(100, 80), records(100, 40)
    (row,) = compare_tasks(after, before)
    assert (row["before"], row["after"], row["verdict"]) == (0.8, 0.4, "lost")
    assert row["difference"]["high"] < 0
    assert compare_tasks(before, after)[0]["verdict"] == "gained"
    assert compare_tasks(before, records(100, 79))[0]["verdict"] == "no difference seen"
    assert compare_tasks(before, before)[0]["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0, "n": 100}


def test_a_handful_of_items_tells_nothing() -> None:
    assert compare_tasks(records(1, 0), records(1, 1))[0]["verdict"] == "too few to tell"


def test_only_items_asked_alike_are_compared() -> None:
    other = [record | {"digest": "y"} for record in records(10, 5)]
    with pytest.raises(UsageError, match="no item"):
        compare_tasks(records(10, 5), other)
    (row,) = compare_tasks(records(10, 5), [*other, *records(3, 3)])
    assert row["difference"]["n"] == 3


def test_more_bits_are_a_loss() -> None:
    def documents(bits: float) -> list[dict[str, Any]]:
        return [{"source": s, "id": str(i), "bytes": 10, "bits": bits} for s in "ab" for i in range(5)]

    rows = compare_documents(documents(20.0), documents(15.0))
    assert [row["name"] for row in rows] == ["all", "a", "b"]
    assert {row["verdict"] for row in rows} == {"lost"}
    assert rows[0]["difference"]["value"] == pytest.approx(0.5)
