"""Problems and verdicts of any source, by the name that a user types, for whoever asks while the desk is open.

Generated tasks need no desk. Those that come from files or other packages, and those whose answers are programs, do:
their records, sandboxes and children are opened once, for as long as `opened` lasts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trivium.ground.errors import UsageError
from trivium.tasks import registry
from trivium.tasks.problem import Problem, Split, Verdict

if TYPE_CHECKING:
    from trivium.tasks.judge import Judge
    from trivium.tasks.source import Source


@dataclass(frozen=True)
class Desk:
    """What is open."""

    sources: dict[str, Source]
    judge: Judge


_OPEN: ContextVar[Desk | None] = ContextVar("desk", default=None)


@contextmanager
def opened(names: Sequence[str]) -> Iterator[None]:
    """Open the sources of these tasks, as typed without levels, and a judge for their answers. Within it `generate`,
    `verify` and `lenient` know them. Raises UsageError for an unknown one.
    """
    from trivium.tasks.judge import Judge
    from trivium.tasks.source import opened as source_of

    sources = {name: source_of(name) for name in dict.fromkeys(names)}
    for source in sources.values():
        if source.skipped:
            raise UsageError(f"{source.name} cannot be verified here.", source.skipped)
    with Judge([source.own for source in sources.values() if source.own is not None]) as judge:
        token = _OPEN.set(Desk(sources, judge))
        try:
            yield
        finally:
            _OPEN.reset(token)


def given(name: str) -> bool:
    """Whether a typed name means a file or another package's task rather than a generated one."""
    return "=" in name


def file_of(name: str) -> Path | None:
    """The file that a typed name names, if it is one."""
    kind, _, value = name.partition("=")
    return Path(value) if value and kind != "gym" else None


def generate(task: str, level: int, count: int, seed: int, split: Split = "train") -> list[Problem]:
    """`count` different problems of one split, as `registry.generate`; of a list at most as many as it has, and of any
    level where it has none of that one. Raises UsageError for a source that is not open, ConfigError as the registry.
    """
    if not given(task):
        return registry.generate(task, level, count, seed, split)
    desk = _OPEN.get()
    if desk is None or task not in desk.sources:
        raise UsageError(f"{task!r} is not open.", "Draw from it within desk.opened.")
    source = desk.sources[task]
    chosen = level if level in source.levels else None
    if source.splits is not None:
        held = [one for one in source.splits.get(split, []) if chosen in (None, one.level)]
        if not held:
            raise UsageError(f"{task} has no {split} problems.", "Give more problems: about a fifth is held out.")
        count = min(count, len(held))
    return source.problems(count, seed, split, chosen)


def verify(problem: Problem, text: str) -> Verdict:
    """The strict verdict on a reply in an ended turn."""
    desk = _OPEN.get()
    return registry.verify(problem, text) if desk is None else desk.judge.verify(problem, text)


def lenient(problem: Problem, text: str) -> Verdict:
    """The lenient verdict, to tell skill from form. Never a reward."""
    desk = _OPEN.get()
    return registry.lenient(problem, text) if desk is None else desk.judge.lenient(problem, text)
