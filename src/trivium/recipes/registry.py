"""The recipes by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from trivium.ground.errors import UsageError
from trivium.journey.graph import Journey, load, unknown

Recipe = Callable[[int], Journey]

RECIPES = {
    "tiny": "trivium.recipes.tiny:tiny",
    "nano": "trivium.recipes.nano:nano",
    "corpus": "trivium.recipes.corpus:corpus",
    "base": "trivium.recipes.own:base",
    "continued": "trivium.recipes.own:continued",
    "taught": "trivium.recipes.taught:taught",
    "guided": "trivium.recipes.taught:guided",
    "contrast": "trivium.recipes.taught:contrast",
    "practice": "trivium.recipes.practice:practice",
}
WITH_OPTIONS = frozenset({"practice"})


def recipe(name: str) -> Recipe:
    """The recipe of this name, with the options that follow it after plus signs. Raises UsageError."""
    name, *options = name.split("+")
    if name not in RECIPES:
        raise unknown("recipe", name, list(RECIPES))
    if options and name not in WITH_OPTIONS:
        raise UsageError(f"The recipe {name!r} has no options.", "Leave out what follows the plus sign.")
    found = load(RECIPES[name])
    return partial(found, options=tuple(options)) if options else found
