"""One colour a stage, on light and on dark ground, defined only here: charts and templates name the stage."""

from __future__ import annotations

COLOURS: dict[str, tuple[str, str]] = {
    "corpus": ("#746a4f", "#b9ad8b"),
    "tokenizer": ("#986210", "#e0ad5c"),
    "base": ("#2b62a0", "#7db0ea"),
    "audit": ("#7b4f9d", "#bd98da"),
    "sft": ("#1f7a5c", "#66c5a0"),
    "reward": ("#b04a72", "#ea8fb3"),
    "rl": ("#c2481f", "#f28d66"),
    "quirks": ("#39737f", "#80bfca"),
    "report": ("#6a6a6a", "#a8a8a8"),
}
"""Stage -> its colour on light and on dark ground; each has a contrast of 4.5 or more with its ground."""

OWNERS = {
    "town": "corpus",
    "scored": "corpus",
    "selected": "corpus",
    "shards": "tokenizer",
    "pretrain": "base",
    "plain": "report",
    "warm": "rl",
}
"""Nodes and stages that wear another stage's colour. `plain`, the model to compare with, stays grey."""


def stage_of(name: str) -> str:
    """The stage whose colour a node wears: `audit-sft` is audit, `shuffled` and all unknown ones are report's grey."""
    head = name.partition("-")[0]
    stage = OWNERS.get(head, head)
    return stage if stage in COLOURS else "report"


def colour(name: str) -> str:
    """The CSS colour of a node or stage: `var(--rl)`."""
    return f"var(--{stage_of(name)})"


def stylesheet() -> str:
    """CSS that sets every stage's colour, by the reader's preference; print is light."""
    light, dark = (";".join(f"--{name}:{pair[i]}" for name, pair in COLOURS.items()) for i in (0, 1))
    return f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
