"""One judge for all tasks: the strict verdict, which is what rewards are made of, and the lenient one beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from trivium.ground.errors import UsageError
from trivium.sandbox.box import Sandbox
from trivium.tasks import registry
from trivium.tasks.code.grade import SECONDS, graded
from trivium.tasks.given import gym, sums
from trivium.tasks.given.outside import NoAnswer, Outside
from trivium.tasks.given.own import OwnTask
from trivium.tasks.problem import Problem, Verdict

PROGRAMS = ("code", "mbpp", "humaneval")
SUMS = tuple(sums.READERS)


class Judge:
    """Verifies replies to problems of any source; opens the sandbox and the children that it needs, when it needs them.

    `own` are the user's tasks whose problems will come. `unsafe`: programs run even where the kernel cannot hold them
    (the user typed `--unsafe-exec`). `seconds`: how long a program may take for all its cases. A context manager.
    """

    def __init__(self, own: Iterable[OwnTask] = (), unsafe: bool = False, seconds: float = SECONDS) -> None:
        self.own = {task.name: task for task in own}
        self.unsafe, self.seconds = unsafe, seconds
        self.maths, self.gym = Outside("math", "math"), Outside("gym", "reasoning-gym")
        self.without_maths = ""
        """Why math-verify is not asked; "" as long as it is."""
        self._maths_answers = False
        self._sandbox: Sandbox | None = None
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(self.maths)
        self._open.enter_context(self.gym)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        self._sandbox = None

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox, opened at the first use. Raises sandbox.box.Unheld where programs cannot be held."""
        if self._sandbox is None:
            self._sandbox = self._open.enter_context(Sandbox(self.unsafe))
        return self._sandbox

    def verify(self, problem: Problem, text: str, closed: bool = True) -> Verdict:
        """The strict verdict on a reply. `closed`: whether the turn was ended; one that was cut off earns nothing.

        Raises UsageError for problems of a task that nobody knows, Unheld for programs where none can be held.
        """
        if not closed:
            return Verdict(False, None)
        return self._verdict(problem, text, strict=True)

    def lenient(self, problem: Problem, text: str) -> Verdict:
        """The lenient verdict, to tell skill from form. Never a reward."""
        return self._verdict(problem, text, strict=False)

    def _verdict(self, problem: Problem, text: str, strict: bool) -> Verdict:
        task = problem.task
        if task in PROGRAMS:
            return graded(self.sandbox, problem, text, strict, self.seconds)
        if task in registry.TASKS:
            return (registry.verify if strict else registry.lenient)(problem, text)
        if task in SUMS:
            return (sums.strict if strict else sums.lenient)(problem, text, self._asked_maths(task))
        if task.startswith("gym:"):
            return gym.strict(self.gym, problem, text)
        if task in self.own:
            return self.own[task].strict(problem, text)
        raise UsageError(f"No verifier is known for the task {task!r}.", "Give the user's tasks to Judge(own=…).")

    def _asked_maths(self, task: str) -> Outside | None:
        """The child with math-verify, where it is wanted and installed."""
        if task != "math" or self.without_maths:
            return None
        if self._maths_answers:
            return self.maths
        try:
            self._maths_answers = self.maths.ask(sums.SECONDS, given="1", wanted="1") is True
        except (UsageError, NoAnswer) as error:
            self.without_maths = str(error)
            return None
        return self.maths
