"""The recipes by name."""

from __future__ import annotations

from collections.abc import Callable

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
}


def recipe(name: str) -> Recipe:
    """The recipe of this name. Raises UsageError with a did-you-mean."""
    if name not in RECIPES:
        raise unknown("recipe", name, list(RECIPES))
    return load(RECIPES[name])
