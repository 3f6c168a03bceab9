"""The street's graph, seeds, and that each recipe's stages are where the graph says."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_stages import ToyConfig

from trivium.ground.errors import UsageError
from trivium.journey.graph import load
from trivium.journey.plan import plan
from trivium.recipes.registry import RECIPES, recipe
from trivium.recipes.street import reseed, street

KEYS = "town scored selected tokenizer shards base audit sft plain reward warm rl quirks report".split()


def test_the_street() -> None:
    journey = street("x", {key: ToyConfig() for key in KEYS})
    order = [node.name for node in journey.order()]
    assert order[0] == "town"
    assert order[-1] == "report"
    assert len(order) == 19
    assert set(journey.node("report").inputs) == set(order) - {"report"}
    assert journey.node("sft").inputs == {"model": "base", "town": "town", "audit": "audit-base"}
    asked = {"model": "rl", "town": "town", "shards": "shards", "base_audit": "audit-base"}
    assert journey.node("audit-rl").inputs == asked
    assert journey.node("rl").inputs["model"] == "warm"
    assert [n.name for n in journey.until(["base"]).order()] == [
        "town",
        "scored",
        "selected",
        "tokenizer",
        "shards",
        "base",
    ]
    assert all(node.what for node in journey.nodes)


def test_one_node_of_a_house_can_have_its_own_config() -> None:
    configs = {key: ToyConfig() for key in KEYS} | {"audit-rl": ToyConfig(steps=9)}
    journey = street("x", configs)
    assert journey.node("audit-rl").config.steps == 9
    assert journey.node("audit-sft").config.steps == 5


def test_a_recipe_names_every_node_and_no_other() -> None:
    configs = {key: ToyConfig() for key in KEYS}
    with pytest.raises(UsageError, match="no config for 'rl'"):
        street("x", {key: config for key, config in configs.items() if key != "rl"})
    with pytest.raises(UsageError, match="'rll', which is no node"):
        street("x", configs | {"rll": ToyConfig()})


def test_a_seed_moves_every_seed() -> None:
    assert reseed(ToyConfig(seed=3), 2) == ToyConfig(seed=5)
    assert reseed(ToyConfig(seed=3), 0) == ToyConfig(seed=3)


@pytest.mark.parametrize("name", ["taught", "guided", "contrast"])
def test_a_recipe_for_files_of_ones_own_asks_for_them(name: str, tmp_path: Path) -> None:
    journey = recipe(name)(0)
    for node in journey.order():
        load(node.entry)
        load(node.label_entry)
    with pytest.raises(UsageError, match=r"conversations|guideline"):
        plan(journey, tmp_path)


@pytest.mark.parametrize("name", [name for name in RECIPES if name not in ("taught", "guided", "contrast")])
def test_a_recipe_is_built_of_stages_that_exist_and_take_its_inputs(name: str, tmp_path: Path) -> None:
    zero, one = recipe(name)(0), recipe(name)(1)
    steps = plan(zero, tmp_path)
    for step in steps:
        load(step.node.entry)
        assert step.entry.kind
    seedless = {
        step.entry.id for step in steps if not step.node.inputs and reseed(step.node.config, 1) == step.node.config
    }
    same = {step.entry.id for step in steps} & {step.entry.id for step in plan(one, tmp_path)}
    assert same <= seedless, "another seed is another run from where chance begins"
    assert len(seedless) == {"corpus": 1, "base": 1, "continued": 2, "practice": 1}.get(name, 0)
