"""The executor that `How` names."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.stages.corpus.shards.plan import Plan, Task

EXECUTORS = ("local", "ray", "slurm")


def carry_out(task: Task, plan: Plan, how: How) -> None:
    """Have every part of the plan made. Raises UsageError for a name that no executor has; what was written stays."""
    if how.executor not in EXECUTORS:
        raise UsageError(f"There is no executor {how.executor!r}.", f"There are: {', '.join(EXECUTORS)}.")
    run: Callable[[Task, Plan, How], None] = import_module(f"{__package__}.{how.executor}").run
    run(task, plan, how)
