"""Configs survive JSON whatever their values, and their identity is their meaning."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from trivium.ground.config import digest, from_json, replace_field, to_json


@dataclass(frozen=True, kw_only=True)
class Leaf:
    rate: float = 0.1
    pair: tuple[int, str] = (1, "a")


@dataclass(frozen=True, kw_only=True)
class Tree:
    steps: int = 1
    name: str | None = None
    mode: Literal["a", "b"] = "a"
    leaf: Leaf = Leaf()
    leaves: tuple[Leaf, ...] = ()
    table: dict[str, float] | None = None


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.builds(Leaf, rate=FLOATS, pair=st.tuples(st.integers(), st.text()))
TREES = st.builds(
    Tree,
    steps=st.integers(),
    name=st.none() | st.text(),
    mode=st.sampled_from(["a", "b"]),
    leaf=LEAVES,
    leaves=st.lists(LEAVES, max_size=3).map(tuple),
    table=st.none() | st.dictionaries(st.text(), FLOATS, max_size=3),
)


@given(TREES)
def test_json_and_back_gives_an_equal_config_with_an_equal_identity(tree: Tree) -> None:
    back = from_json(Tree, json.loads(json.dumps(to_json(tree))))
    assert back == tree
    assert digest(back) == digest(tree)


@given(TREES, TREES)
def test_identity_is_meaning(one: Tree, other: Tree) -> None:
    assert (digest(one) == digest(other)) == (one == other)


@given(TREES, st.integers(), FLOATS)
def test_a_number_given_as_text_is_the_number(tree: Tree, steps: int, rate: float) -> None:
    changed = replace_field(replace_field(tree, "steps", str(steps)), "leaf.rate", repr(rate))
    assert (changed.steps, changed.leaf.rate) == (steps, rate)
    assert changed.leaf.pair == tree.leaf.pair
