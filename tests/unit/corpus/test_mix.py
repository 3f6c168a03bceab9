"""Domain weights: shares become quotas, quotas documents, always the same ones; what is lacking is shared out."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.ground.errors import ConfigError
from trivium.stages.corpus.config import SelectConfig
from trivium.stages.corpus.select import _mixed, group_of, quotas


@pytest.mark.parametrize(
    ("available", "shares", "budget", "wanted"),
    [
        ({"": 100}, {}, 0, {"": 100}),
        ({"": 100}, {}, 60, {"": 60}),
        ({"": 100}, {}, 600, {"": 100}),
        ({"a": 100, "": 100}, {"a": 0.25}, 40, {"a": 10, "": 30}),
        ({"a": 5, "": 100}, {"a": 0.25}, 40, {"a": 5, "": 35}),
        ({"a": 100, "b": 100}, {"a": 0.75, "b": 0.25}, 0, {"a": 100, "b": 100 / 3}),
        ({"a": 100, "": 100}, {"a": 1.0}, 50, {"a": 50, "": 0}),
        ({"a": 10, "b": 100, "": 100}, {"a": 0.5, "b": 0.25}, 100, {"a": 10, "b": 45, "": 45}),
        ({"": 100}, {"a": 1.0}, 50, {"": 0}),
    ],
)
def test_quotas(available: dict[str, int], shares: dict[str, float], budget: float, wanted: dict[str, float]) -> None:
    assert quotas(available, shares, budget) == pytest.approx(wanted)


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 1000), min_size=1),
    st.dictionaries(st.sampled_from("abc"), st.just(0.0) | st.floats(0.001, 0.33)),
    st.floats(0, 3000),
)
def test_no_quota_is_above_what_there_is_or_what_was_planned(
    available: dict[str, int], shares: dict[str, float], budget: float
) -> None:
    planned = quotas(available, shares, budget)
    assert planned.keys() == available.keys()
    assert all(-1e-6 <= planned[name] <= available[name] + 1e-6 for name in available)
    if budget:
        assert sum(planned.values()) <= budget + 1e-6


def test_the_nearest_named_domain_counts() -> None:
    mix = {"example.com", "docs.example.com"}
    assert group_of("a.docs.example.com", mix) == "docs.example.com"
    assert group_of("www.example.com", mix) == "example.com"
    assert group_of("notexample.com", mix) == group_of("", mix) == ""


def rows() -> list[dict[str, Any]]:
    rng = Random(0)
    hosts = ["a.example", "www.b.example", "c.example"]
    return [
        {"id": f"{i}", "file": "x.warc", "host": hosts[i % 3], "synthetic": False, "text": "x" * rng.randint(50, 150)}
        for i in range(600)
    ] + [{"id": "t", "file": "x.warc", "host": "town", "synthetic": True, "text": "y" * 1000}]


def test_a_source_may_be_named_too() -> None:
    mix = {"books.jsonl", "docs", "example.com"}
    assert group_of("a.example.com", mix, "books.jsonl") == "books.jsonl"
    assert group_of("", mix, "docs/guide.md") == "docs"
    assert group_of("a.example.com", mix, "crawl.warc.gz") == "example.com"
    assert group_of("", mix, "other.jsonl") == ""


def test_planned_is_written_within_a_document_and_any_order_gives_the_same() -> None:
    config = SelectConfig(mix={"a.example": 0.5, "b.example": 0.3}, web_characters=20_000, heldout=0.0)
    reasons, account = _mixed(rows(), config)
    assert reasons[-1] == ""
    assert [(one["host"], one["share"], one["planned"]) for one in account] == [
        ("others", None, 4000),
        ("a.example", 0.5, 10_000),
        ("b.example", 0.3, 6000),
    ]
    assert all(0 <= one["planned"] - one["written"] <= 50 for one in account)
    kept = {row["id"] for row, reason in zip(rows(), reasons, strict=True) if not reason}
    turned = rows()[::-1]
    again, same = _mixed(turned, config)
    assert kept == {row["id"] for row, reason in zip(turned, again, strict=True) if not reason} and same == account


@pytest.mark.parametrize("mix", [{"a": -0.1}, {"a": 0.6, "b": 0.6}])
def test_shares_that_cannot_be_are_refused(mix: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="mix"):
        SelectConfig(mix=mix)
