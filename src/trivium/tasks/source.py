"""Where problems come from, by the name that a user types: `addition`, `gsm8k=FILE`, `gym=NAME`, `own=FILE.py`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

from trivium.ground.errors import ConfigError, UsageError
from trivium.sandbox.tier import tier
from trivium.tasks import registry
from trivium.tasks.given import gym, programs, sums
from trivium.tasks.given.outside import Outside
from trivium.tasks.given.own import OwnTask
from trivium.tasks.given.records import Loaded
from trivium.tasks.judge import PROGRAMS
from trivium.tasks.problem import Problem, Split

FILES = (*sums.READERS, *programs.READERS)


@dataclass(frozen=True)
class Source:
    """A source of problems."""

    name: str
    """What was typed before `=`."""
    value: str = ""
    """What was typed behind it."""
    splits: dict[Split, list[Problem]] | None = None
    """All problems, where they are a list."""
    own: OwnTask | None = None
    left_out: tuple[tuple[str, int], ...] = ()
    """Why records of a file are no problems here, and how many."""

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels that may be asked for."""
        if self.name in registry.TASKS:
            return registry.TASKS[self.name].levels
        everything = [problem for problems in (self.splits or {}).values() for problem in problems]
        return tuple(sorted({problem.level for problem in everything})) or (1,)

    @property
    def skipped(self) -> str:
        """Why this machine cannot verify these problems; "" where it can."""
        return "" if self.name not in PROGRAMS or tier().holds else f"no sandbox here: {tier().reason}"

    def problems(self, count: int, seed: int, split: Split = "train", level: int | None = None) -> list[Problem]:
        """`count` different problems of one split, the same for the same arguments; `level` None takes any of a list,
        and the lowest of a generated task. Raises ConfigError when there are not so many.
        """
        if self.name in registry.TASKS:
            return registry.generate(self.name, level or self.levels[0], count, seed, split)
        if self.name == "gym":
            with Outside("gym", "reasoning-gym") as outside:
                return gym.draw(outside, self.value, count, seed, split)
        held = [one for one in (self.splits or {}).get(split, []) if level in (None, one.level)]
        if len(held) < count:
            raise ConfigError(f"{self.name} has {len(held)} {split} problems.", f"Ask for {len(held)} or fewer.")
        return Random(f"{self.name}|{seed}|{split}").sample(held, count)


def opened(typed: str) -> Source:
    """The source that a user's words name. Raises UsageError for an unknown one, with those that there are."""
    name, _, value = typed.partition("=")
    if name in registry.TASKS and not value:
        return Source(name)
    if name in FILES and value:
        return _from_file(name, value, (sums if name in sums.READERS else programs).load(name, Path(value)))
    if name == "gym" and value:
        return Source(name, value)
    if name == "own" and value:
        task = OwnTask(Path(value))
        return Source(name, value, task.splits, task)
    raise UsageError(
        f"There is no task {typed!r}.",
        f"Tasks: {', '.join(registry.TASKS)}; {', '.join(f'{one}=FILE' for one in FILES)}, gym=NAME, own=FILE.py.",
    )


def _from_file(name: str, value: str, loaded: Loaded) -> Source:
    if not any(loaded.splits.values()):
        raise UsageError(f"{value} holds no problems for {name}.", f"Left out: {dict(loaded.left_out) or 'nothing'}.")
    return Source(name, value, loaded.splits, None, tuple(sorted(loaded.left_out.items())))
