"""Graphs: order, parts, and messages for names that nothing has."""

from __future__ import annotations

import pytest
from toy_stages import ToyConfig, toy

from trivium.ground.errors import ConfigError, UsageError
from trivium.journey.graph import Journey, Node, load
from trivium.journey.overrides import override


def node(name: str, *parents: str) -> Node:
    return Node(name=name, entry="toy_stages:run", config=ToyConfig(), inputs={p: p for p in parents})


def test_order_is_parents_first_and_otherwise_as_listed() -> None:
    assert [n.name for n in toy().order()] == ["first", "left", "right", "last"]


def test_a_part_is_what_its_nodes_need() -> None:
    assert [n.name for n in toy().until(["right"]).order()] == ["first", "right"]
    assert toy().descendants("left") == {"last"}
    assert toy().descendants("first") == {"left", "right", "last"}


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("a", "b"), node("b", "a")], "circle among: a, b"),
        ([node("a", "a")], "circle"),
        ([node("a"), node("a")], "once"),
        ([node("A")], "cannot be a node's name"),
        ([node("base"), node("sft", "bass")], "Did you mean 'base'"),
    ],
)
def test_what_is_no_journey(nodes: list[Node], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Journey("x", nodes)


def test_settings_reach_one_node_or_a_whole_house() -> None:
    journey = override(toy(), ["left.steps=9", "left.inner.rate=2"])
    assert journey.node("left").config.steps == 9
    assert journey.node("left").config.inner.rate == 2.0
    assert journey.node("right").config.steps == 5
    every = override(toy(), ["toy_stages.steps=2"])
    assert {n.config.steps for n in every.nodes} == {2}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("lefd.steps=3", "Did you mean 'left'"),
        ("left.stepz=3", "--left.stepz: ToyConfig has no field 'stepz'. Did you mean 'steps'"),
        ("left.steps=0", "Give at least 1"),
        ("left.steps=x", "It wants int"),
        ("left=3", "is no setting"),
        ("left.steps", "is no setting"),
    ],
)
def test_settings_that_cannot_be_meant(setting: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        override(toy(), [setting])
    assert message in str(error.value)


def test_a_config_error_is_a_usage_error() -> None:
    assert issubclass(ConfigError, UsageError)


def test_entries_are_loaded_by_name_and_missing_ones_are_named() -> None:
    assert load("toy_stages:run").__name__ == "run"
    for entry in ("no_such_module:run", "trivium.no_such:run", "toy_stages:no_such"):
        with pytest.raises(UsageError, match=r"There is no stage|has no function"):
            load(entry)
