"""Patches of values: what may take a value's place, and putting it there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from trivium.ground.errors import UsageError
from trivium.model.inside.names import Name, meaning

Edit = Tensor | float | Callable[[Tensor], Tensor]
"""A tensor of the value's shape (1 where all share), one number for all, or a function of the old value."""


def part(value: Tensor, name: Name) -> Tensor:
    """What the name's index picks of the value. Raises UsageError when that is outside."""
    try:
        return value[name.index]
    except IndexError as error:
        what = f"{name} is outside {name.site}, whose shape is {tuple(value.shape)}."
        raise UsageError(what, f"It is {meaning(name.site)}.") from error


def replaced(value: Tensor, name: Name, edit: Edit) -> Tensor:
    """The value with the patch in it; the old tensor stays as it is. Raises UsageError for one that does not fit."""
    old = part(value, name)
    new: Any = edit(old) if callable(edit) and not isinstance(edit, Tensor) else edit
    if isinstance(new, int | float):
        new = torch.full_like(old, new)
    if not isinstance(new, Tensor):
        raise UsageError(f"The patch of {name} is {type(new).__name__}.", "Give a tensor, a number, or a function.")
    if new.ndim != old.ndim or any(a not in (1, b) for a, b in zip(new.shape, old.shape, strict=True)):
        wanted = f"{tuple(old.shape)}, or 1 where all share ({meaning(name.site)})"
        raise UsageError(f"The patch of {name} has the shape {tuple(new.shape)}.", f"It must be {wanted}.")
    new = new.to(old).expand_as(old)
    if not name.index:
        return new
    whole = value.clone()
    whole[name.index] = new
    return whole
