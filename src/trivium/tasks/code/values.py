"""Python values that are no plain JSON, carried as JSON: tuples, sets, dictionaries with other keys, bytes, infinities.

Benchmarks ask for such values. A shim that runs behind the program, in its process, turns questions into values and
values into JSON. The program may meddle with the shim: what comes back is only its own claim, and is compared here.
"""

from __future__ import annotations

import ast
import base64
import math
from typing import Any

MOST_PARTS = 100_000
SHIM = """


def _trivium_open(v):
    import base64
    if isinstance(v, list):
        return [_trivium_open(x) for x in v]
    if not isinstance(v, dict):
        return v
    (kind, held), = v.items()
    if kind == "tuple":
        return tuple(_trivium_open(x) for x in held)
    if kind in ("set", "frozenset"):
        return {"set": set, "frozenset": frozenset}[kind](_trivium_open(x) for x in held)
    if kind == "dict":
        return {_trivium_open(k): _trivium_open(x) for k, x in held}
    if kind == "bytes":
        return base64.b64decode(held)
    return complex(*held) if kind == "complex" else float(held)


def _trivium_close(v):
    import base64, json
    kind = type(v)
    if kind in (list, tuple):
        held = [_trivium_close(x) for x in v]
        return held if kind is list else {"tuple": held}
    if kind in (set, frozenset):
        return {kind.__name__: sorted((_trivium_close(x) for x in v), key=json.dumps)}
    if isinstance(v, dict):
        return {"dict": sorted(([_trivium_close(k), _trivium_close(x)] for k, x in v.items()), key=json.dumps)}
    if kind is bytes:
        return {"bytes": base64.b64encode(v).decode()}
    if kind is complex:
        return {"complex": [v.real, v.imag]}
    if kind is float and (v != v or v in (float("inf"), float("-inf"))):
        return {"float": repr(v)}
    if v is None or kind in (bool, int, float, str):
        return v
    raise TypeError(f"{kind.__name__} is no plain value")


def _trivium_asked(*arguments):
    return _trivium_close(FUNCTION(*[_trivium_open(x) for x in arguments]))
"""
"""Appended to a program; FUNCTION is the name of the function that is asked."""


class NotPlain(ValueError):
    """An expression that is no literal value."""


def literal(node: ast.expr) -> Any:
    """The value of a literal expression; sets, `float("inf")`, `set()` and signs before numbers are literals here.

    Raises NotPlain for all else: nothing is evaluated.
    """
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        name, given = node.func.id, [literal(one) for one in node.args]
        if name in ("set", "frozenset", "tuple", "list") and len(given) <= 1:
            return {"set": set, "frozenset": frozenset, "tuple": tuple, "list": list}[name](*given)
        if name == "float" and len(given) == 1 and str(given[0]).lower() in ("inf", "-inf", "nan"):
            return float(given[0])
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise NotPlain(ast.unparse(node)[:80]) from error


def closed(value: Any) -> Any:
    """A value as JSON, in the shim's form. Raises NotPlain for what has none."""
    kind = type(value)
    if kind in (list, tuple):
        held = [closed(one) for one in value]
        return held if kind is list else {"tuple": held}
    if kind in (set, frozenset):
        return {kind.__name__: [closed(one) for one in value]}
    if kind is dict:
        return {"dict": [[closed(key), closed(one)] for key, one in value.items()]}
    if kind is bytes:
        return {"bytes": base64.b64encode(value).decode()}
    if kind is complex:
        return {"complex": [value.real, value.imag]}
    if kind is float and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or kind in (bool, int, float, str):
        return value
    raise NotPlain(kind.__name__)


def alike(left: Any, right: Any, tolerance: float = 1e-9) -> bool:
    """Whether two values in the shim's form are equal as `==` has it among honest values: 2 is 2.0, True is not 1.

    Floats may differ by a share of `tolerance`, as two right programs may in their last bits.
    """
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(alike(a, b, tolerance) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        if len(left) != 1 or left.keys() != right.keys():
            return False
        (kind, a), (_, b) = *left.items(), *right.items()
        return _unordered(a, b, tolerance) if kind in ("set", "frozenset", "dict") else alike(a, b, tolerance)
    numbers = (int, float)
    if type(left) in numbers and type(right) in numbers:
        if type(left) is type(right) is int:
            return bool(left == right)
        try:
            return bool(abs(left - right) <= tolerance * max(abs(left), abs(right), 1.0))
        except OverflowError:
            return False
    return type(left) is type(right) and type(left) in (str, bool, type(None)) and bool(left == right)


def _unordered(left: Any, right: Any, tolerance: float) -> bool:
    """Whether two collections hold the same, each thing matched once."""
    if not isinstance(left, list) or not isinstance(right, list) or len(left) != len(right):
        return False
    rest = list(right)
    for one in left:
        found = next((i for i, other in enumerate(rest) if alike(one, other, tolerance)), None)
        if found is None:
            return False
        rest.pop(found)
    return True
