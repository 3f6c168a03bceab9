"""Whole journeys as plain functions of a seed. A recipe names configs, nothing else, and imports them when called.

Floor 4. A new recipe is a function `recipe(seed) -> Journey` and a line in `registry.py`.
"""
