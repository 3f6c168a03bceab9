"""Every colour, on light and on dark ground, defined only here: one a stage, called by its name, and the grounds."""

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

GROUNDS: dict[str, tuple[str, str]] = {
    "ground": ("#fcfbf8", "#171613"),
    "sheet": ("#f4f2ec", "#201f1b"),
    "ink": ("#23211d", "#e6e2d8"),
    "soft": ("#6b665c", "#a09a8c"),
    "hair": ("#e2ded4", "#35322b"),
    "yes": ("#1f7a5c", "#66c5a0"),
    "no": ("#b3401c", "#f28d66"),
}
"""What all pages are made of: paper, raised paper, text, quiet text, thin lines, good and bad news."""

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
    """CSS that sets every colour, by the reader's preference; print is light."""
    return f":root{{{_set(0)}}}@media screen and (prefers-color-scheme:dark){{:root{{{_set(1)}}}}}"


def switchable() -> str:
    """CSS that sets every colour, where a page has a switch: `data-theme` on the root, `light` or `dark`, wins over the
    reader's preference. Elements with `data-stage` have that stage's colour as `--c`.
    """
    chosen = (
        f"@media screen{{:root[data-theme={name}]{{color-scheme:{name};{_set(i)}}}}}"
        for i, name in enumerate(("light", "dark"))
    )
    names = {**{name: name for name in COLOURS}, **OWNERS}
    stages = (f'[data-stage="{name}"]{{--c:var(--{owner})}}' for name, owner in names.items())
    return stylesheet() + "".join(chosen) + "".join(stages)


def _set(i: int) -> str:
    """The declarations of all colours: 0 on light ground, 1 on dark."""
    stages = (f"--{name}:{pair[i]}" for name, pair in COLOURS.items())
    return ";".join([*stages, *(f"--{name}: {pair[i]}" for name, pair in GROUNDS.items())])
