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
from typing import Any, Literal, TypeVar

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
    """The config of class `cls` that `to_json` wrote.

    Raises ConfigError for an unknown key (with a did-you-mean) and for a value of another type than its field's.
    """
    hints = typing.get_type_hints(cls)
    names = field_names(cls)
    for key in value:
        if key not in names:
            raise unknown_key(key, names, cls.__name__)
    return cls(**{key: _revive(hints[key], item, f"{cls.__name__}.{key}") for key, item in value.items()})


def replace_field(config: C, dotted: str, value: Any) -> C:
    """A copy of `config` with the field at a dotted path (`optimizer.lr`) replaced; text is read as the field's type.

    Raises ConfigError for a path that no field has and for a text that cannot be read.
    """
    name, _, rest = dotted.partition(".")
    names = field_names(config)
    if name not in names:
        raise unknown_key(name, names, type(config).__name__)
    if rest:
        inner = getattr(config, name)
        if not dataclasses.is_dataclass(inner):
            raise ConfigError(f"{name!r} has no fields of its own.", f"Give {name!r} a value instead of {dotted!r}.")
        value = replace_field(inner, rest, value)
    elif isinstance(value, str):
        value = from_text(typing.get_type_hints(type(config))[name], value, name)
    return dataclasses.replace(config, **{name: value})  # type: ignore[type-var]


def from_text(hint: Any, text: str, where: str) -> Any:
    """The value of type `hint` that a text from the command line means: `3`, `1e-3`, `true`, `none`, `a,b,c`, JSON.

    Raises ConfigError, naming the field `where`.
    """
    for option in _options(hint):
        try:
            return _read(option, text, where)
        except ValueError:
            continue
    raise ConfigError(f"{where} is {text!r}.", f"It wants {_spoken(hint)}.")


def field_names(config: Any) -> list[str]:
    """The names of the fields of a config or of its class."""
    return [f.name for f in dataclasses.fields(config)]


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
    """The first `length` hex digits of the sha256 of a JSON value in canonical form, in which 1 and 1.0 are equal."""
    plain = _canonical(to_json(value))
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def _canonical(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return value


def _options(hint: Any) -> list[Any]:
    """The types that a union allows, None first and str, which takes any text, last; one type for any other hint."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return sorted(typing.get_args(hint), key=lambda option: (option is not type(None)) + (option is str))
    return [hint]


def _spoken(hint: Any) -> str:
    """The hint as a message says it."""
    if typing.get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, typing.get_args(hint)))
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")


def _read(hint: Any, text: str, where: str) -> Any:
    """The text as a value of one (not union) type. Raises ValueError."""
    origin = typing.get_origin(hint)
    if hint is str or hint is Any:
        return text
    if hint is type(None):
        return {"none": None, "null": None}[text] if text in ("none", "null") else _refuse()
    if hint is bool:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        return words[text.lower()] if text.lower() in words else _refuse()
    if hint in (int, float):
        return hint(text)
    if origin is Literal:
        matches = [choice for choice in typing.get_args(hint) if str(choice) == text]
        return matches[0] if matches else _refuse()
    if origin is tuple and not text.lstrip().startswith("["):
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return tuple(from_text(inner, part, where) for inner, part in _pairs(hint, parts))
    return _revive(hint, json.loads(text), where)


def _pairs(hint: Any, items: list[Any]) -> list[tuple[Any, Any]]:
    """Each item of a tuple with its type. Raises ValueError when the tuple has another length."""
    arguments = typing.get_args(hint) or (Any, ...)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return [(arguments[0], item) for item in items]
    return list(zip(arguments, items, strict=True))


def _refuse() -> Any:
    raise ValueError


def _revive(hint: Any, value: Any, where: str) -> Any:
    """A JSON value as a value of type `hint`. Raises ConfigError."""
    for option in _options(hint):
        try:
            return _revive_one(option, value, where)
        except ValueError:
            continue
    raise ConfigError(f"{where} is {value!r}.", f"It wants {_spoken(hint)}.")


def _revive_one(hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_json(hint, value) if isinstance(value, dict) else _refuse()
    if origin is tuple or hint is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError
        return tuple(_revive(inner, item, where) for inner, item in _pairs(hint, list(value)))
    if origin is dict:
        inner = typing.get_args(hint)[1]
        if not isinstance(value, dict):
            raise ValueError
        return {key: _revive(inner, item, f"{where}.{key}") for key, item in value.items()}
    if origin is list:
        return [_revive(typing.get_args(hint)[0], item, where) for item in value]
    if origin is Literal:
        return value if value in typing.get_args(hint) else _refuse()
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and (not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool)):
        raise ValueError
    return value
