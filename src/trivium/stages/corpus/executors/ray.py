"""Ray's workers: a task for each shard, on whatever machines the cluster has that see the same disk.

A task starts a process for the pages, as everywhere, so that a page that hangs does not end Ray's worker. A worker that
dies is Ray's to replace: the task begins again, behind the parts that are there.
"""

from __future__ import annotations

import dataclasses

from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.progress import Progress
from trivium.stages.corpus.executors import local
from trivium.stages.corpus.shards.parts import complete
from trivium.stages.corpus.shards.plan import Plan, Task

RETRIES = 10
"""Times that a task is begun again after its worker died."""
PATIENCE = 0.25
"""Seconds without news after which we look whether we were asked to stop."""


def run(task: Task, plan: Plan, how: How) -> None:
    """Make all missing parts. `how.threads` is the processes of a task (0: one). RAY_ADDRESS names the cluster; without
    it, one is started on this machine. Raises Stopped, what a task raised, and UsageError where Ray is not installed.
    """
    try:
        import ray
        from ray.exceptions import RayTaskError
    except ImportError as error:
        raise UsageError("Ray is not installed.", "pip install 'trivium[ray]', or leave out --executor ray.") from error
    own = not ray.is_initialized()
    if own:
        ray.init(configure_logging=False, log_to_driver=False)
    threads = how.threads or 1
    try:
        remote = ray.remote(num_cpus=threads, max_retries=RETRIES)(_make)
        shards = [shard for shard in plan.shards if not complete(plan, shard)]
        waiting = [remote.remote(task, dataclasses.replace(plan, shards=(shard,)), threads) for shard in shards]
        with Progress("reading pages", len(waiting), "files", how) as bar:
            while waiting:
                how.stop.check("while reading pages")
                done, waiting = ray.wait(waiting, timeout=PATIENCE)
                for one in done:
                    ray.get(one)
                    bar.advance()
    except RayTaskError as error:
        raise error.cause if isinstance(error.cause, Exception) else error from None
    finally:
        if own:
            ray.shutdown()


def _make(task: Task, plan: Plan, threads: int) -> None:
    local.run(task, plan, How(threads=threads, progress=False))
