"""Configs to JSON and back, text to values, and messages that say the mend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from trivium.ground.config import digest, from_json, from_text, replace_field, to_json
from trivium.ground.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Inner:
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.95)


@dataclass(frozen=True, kw_only=True)
class Outer:
    steps: int = 3
    name: str | None = None
    mode: Literal["fast", "slow"] = "fast"
    levels: tuple[int, ...] = (1, 2)
    on: bool = False
    inner: Inner = Inner()
    weights: dict[str, float] | None = None


def test_json_and_back() -> None:
    config = Outer(name="x", inner=Inner(lr=0.5), weights={"a": 1.0})
    assert from_json(Outer, to_json(config)) == config


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("steps", "7", 7),
        ("steps", "1_000", 1000),
        ("name", "none", None),
        ("name", "anna", "anna"),
        ("mode", "slow", "slow"),
        ("levels", "1, 2,3", (1, 2, 3)),
        ("levels", "[4]", (4,)),
        ("on", "yes", True),
        ("on", "false", False),
        ("inner.lr", "3e-4", 3e-4),
        ("inner.lr", "1", 1.0),
        ("inner.betas", "0.8,0.9", (0.8, 0.9)),
        ("inner", '{"lr": 2}', Inner(lr=2.0)),
        ("weights", '{"a": 1}', {"a": 1.0}),
    ],
)
def test_a_text_becomes_its_field_s_type(path: str, text: str, found: Any) -> None:
    config = replace_field(Outer(), path, text)
    for name in path.split("."):
        config = getattr(config, name)
    assert config == found
    assert type(config) is type(found)


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("stepz", "7", "Did you mean 'steps'"),
        ("inner.lrr", "7", "Did you mean 'lr'"),
        ("steps", "many", "steps is 'many'. It wants int"),
        ("steps", "1.5", "It wants int"),
        ("mode", "medium", "one of fast, slow"),
        ("on", "perhaps", "It wants bool"),
        ("inner.betas", "0.8", "It wants tuple"),
        ("steps.x", "1", "no fields of its own"),
        ("inner", '{"lrr": 2}', "Did you mean 'lr'"),
        ("inner", "{broken", "It wants Inner"),
    ],
)
def test_a_text_that_cannot_be_meant(path: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        replace_field(Outer(), path, text)
    assert message in str(error.value)


@pytest.mark.parametrize("value", [{"steps": "3"}, {"steps": True}, {"levels": [1, "2"]}, {"inner": 3}, {"on": 1}])
def test_json_of_another_type_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        from_json(Outer, value)


def test_equal_meaning_equal_digest() -> None:
    assert digest(Inner(lr=1)) == digest(Inner(lr=1.0))
    assert digest([True]) != digest([1])
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    assert digest(Inner()) != digest(Inner(lr=2e-3))
    assert from_text(float | None, "none", "x") is None
