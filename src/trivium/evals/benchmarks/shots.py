"""Answered items before the one that is asked, drawn as lm-eval draws them from the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from trivium.evals.benchmarks.forms import FORMS
from trivium.evals.benchmarks.item import Item

SEED = 1234
"""lm-eval's own for shots."""
BETWEEN = "\n\n"


def shown(item: Item, gold: int | None = None) -> str:
    """An item with its answer, or with another one of its choices, and the gap after it."""
    place = item.gold if gold is None else gold
    gap = FORMS[item.task].shot_gap if item.task in FORMS else " "
    if item.kind == "schema":
        return f"{item.choices[place]} {item.ending}{BETWEEN}"
    return f"{item.context}{gap}{item.choices[place]}{BETWEEN}"


def draw(asked: Sequence[Item], pool: Sequence[Item], count: int, seed: int = SEED) -> list[list[Item]]:
    """For each asked item, in order, `count` others to show (fewer where the pool is smaller).

    As lm-eval: one stream of random numbers goes through all items of a task, and a task without answers to its test
    split draws one more than it shows. Where the asked item itself is drawn, which lm-eval shows with its answer when
    both come from the test split, others are drawn apart from the stream. Fixed shots are the first of the group.
    """
    if count == 0:
        return [[] for _ in asked]
    form = FORMS.get(asked[0].task) if asked else None
    if form is not None and form.first:
        return [_first(item, pool, count) for item in asked]
    random, spare = Random(seed), form is not None and form.spare
    found = []
    for item in asked:
        drawn = random.sample(range(len(pool)), min(count + spare, len(pool)))
        others = [pool[i] for i in drawn if _other(pool[i], item)][:count]
        if len(others) < count:
            rest = [other for other in pool if _other(other, item)]
            others = Random(f"{seed}|{item.id}").sample(rest, min(count, len(rest)))
        found.append(others)
    return found


def _first(item: Item, pool: Sequence[Item], count: int) -> list[Item]:
    found = []
    for other in pool:
        if other.group == item.group and _other(other, item):
            found.append(other)
        if len(found) == count:
            break
    return found


def _other(one: Item, asked: Item) -> bool:
    return (one.context, one.choices, one.ending) != (asked.context, asked.choices, asked.ending)
