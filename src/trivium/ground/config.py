"""Configs are frozen dataclasses; this turns them into JSON and back, checks keys and hashes their meaning.

A config holds only what changes the result. How a run is carried out (device, workers, progress) is `ground.how.How`.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import types
import typing
from typing import Any, TypeVar

from trivium.ground.errors import ConfigError

C = TypeVar("C")


def to_json(config: Any) -> Any:
    """The config as plain JSON values (dicts, lists, numbers, strings)."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        return {f.name: to_json(getattr(config, f.name)) for f in dataclasses.fields(config)}
    if isinstance(config, tuple | list):
        return [to_json(item) for item in config]
    if isinstance(config, dict):
        return {key: to_json(value) for key, value in config.items()}
    return config


def from_json(cls: type[C], value: dict[str, Any]) -> C:
    """The config of class `cls` that `to_json` wrote. Raises ConfigError for an unknown key, with a did-you-mean."""
    hints = typing.get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for key in value:
        if key not in names:
            raise unknown_key(key, names, cls.__name__)
    return cls(**{key: _revive(hints[key], item) for key, item in value.items()})


def replace_field(config: C, dotted: str, value: Any) -> C:
    """A copy of `config` with the field at a dotted path (`optimizer.lr`) replaced."""
    name, _, rest = dotted.partition(".")
    names = [f.name for f in dataclasses.fields(config)]  # type: ignore[arg-type]
    if name not in names:
        raise unknown_key(name, names, type(config).__name__)
    new = replace_field(getattr(config, name), rest, value) if rest else value
    return dataclasses.replace(config, **{name: new})  # type: ignore[type-var]


def unknown_key(key: str, names: list[str], where: str) -> ConfigError:
    """The error for a key that no field has."""
    close = difflib.get_close_matches(key, names, n=1)
    mend = f"Did you mean {close[0]!r}?" if close else f"Known fields: {', '.join(names)}."
    return ConfigError(f"{where} has no field {key!r}.", mend)


def check(condition: bool, field: str, value: Any, mend: str) -> None:
    """Raise ConfigError unless `condition`: for `__post_init__`, so that each message has the value and the mend."""
    if not condition:
        raise ConfigError(f"{field} is {value!r}.", mend)


def digest(value: Any, length: int = 16) -> str:
    """The first `length` hex digits of the sha256 of a JSON value in canonical form."""
    text = json.dumps(to_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def _revive(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        return None if value is None else _revive(options[0], value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_json(hint, value)
    if origin is tuple:
        arguments = typing.get_args(hint)
        inner = arguments[0] if arguments else Any
        return tuple(_revive(inner, item) for item in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value
