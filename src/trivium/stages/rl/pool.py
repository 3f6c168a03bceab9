"""The pool: problems that the model solves sometimes, which is where practice has something to teach.

A problem enters when a group of answers to it was neither all right nor all wrong, and leaves when it is. The pool is
bounded: the oldest goes first. Its whole state is in the checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from trivium.ground.errors import ConfigError
from trivium.stages.rl.config import PoolConfig
from trivium.tasks.desk import generate, given
from trivium.tasks.problem import Problem
from trivium.tasks.registry import TASKS


@dataclass
class Kept:
    """A problem in the pool."""

    problem: Problem
    seen: int
    """The round in which it was last tried."""
    rate: float
    """The share of right answers then."""


class Pool:
    """Chooses a round's problems. A pure function of its seed, its state and the round."""

    def __init__(self, config: PoolConfig, tasks: Sequence[tuple[str, int]], seed: int) -> None:
        self.config, self.tasks, self.seed = config, tuple(tasks), seed
        self._kept: dict[str, Kept] = {}
        self.solved = self.hopeless = 0
        """Tries of problems that were all right, all wrong, so far."""

    def __len__(self) -> int:
        return len(self._kept)

    def draw(self, number: int, count: int) -> list[Problem]:
        """The problems of a round: some that are kept, the others new."""
        ready = [kept for kept in self._kept.values() if number - kept.seen > self.config.rest]
        again = min(len(ready), int(self.config.share * count))
        picked = Random(f"{self.seed}|{number}").sample(ready, again) if again else []
        old = [kept.problem for kept in picked]
        known = {problem.question for problem in old}
        fresh = [problem for problem in self.new(number, count - again) if problem.question not in known]
        return old + fresh

    def new(self, number: int, count: int, attempt: int = 0) -> list[Problem]:
        """New problems of the train split, as many of each task as divides evenly."""
        found: list[Problem] = []
        each = len(self.tasks)
        for place, (task, level) in enumerate(self.tasks):
            wanted = count // each + ((place - number) % each < count % each)
            seed = self.seed + 100_003 * (number + 1) + 7_368_787 * attempt
            found += generate(task, level, wanted, seed) if wanted else []
        return found

    def tell(self, number: int, tries: Sequence[tuple[Problem, float]]) -> None:
        """Note the share of right answers to each problem of a round."""
        for problem, rate in tries:
            self._kept.pop(problem.question, None)
            self.solved += rate >= 1
            self.hopeless += rate <= 0
            if 0 < rate < 1 and self.config.share:
                self._kept[problem.question] = Kept(problem, number, rate)
        while len(self._kept) > self.config.size:
            del self._kept[next(iter(self._kept))]

    def state(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        kept = [{"problem": asdict(one.problem), "seen": one.seen, "rate": one.rate} for one in self._kept.values()]
        return {"kept": kept, "solved": self.solved, "hopeless": self.hopeless}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        found = [Kept(Problem(**one["problem"]), int(one["seen"]), float(one["rate"])) for one in state["kept"]]
        self._kept = {one.problem.question: one for one in found}
        self.solved, self.hopeless = int(state["solved"]), int(state["hopeless"])


def tasks_of(names: Sequence[str]) -> list[tuple[str, int]]:
    """Task and level of each `name:level`; without a level it is the task's first. A file's or another package's task
    stands as it is typed, with level 0: any. Raises ConfigError.
    """
    found = []
    for name in names:
        if given(name):
            found.append((name, 0))
            continue
        task, colon, level = name.partition(":")
        if task not in TASKS or (colon and not level.isdecimal()):
            raise ConfigError(
                f"There is no task {name!r}.",
                f"Tasks, as name:level: {', '.join(TASKS)}; or own=FILE.py, gsm8k=FILE and the like.",
            )
        found.append((task, int(level) if colon else TASKS[task].levels[0]))
    return found
