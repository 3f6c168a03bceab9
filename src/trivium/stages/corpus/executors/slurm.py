"""An array of batch jobs: a script that Slurm runs, a task for each shard (or several), on machines that share a disk.

Nothing is submitted from here. The script asks for nothing but processors: partition, time and memory are the site's
(`sbatch --time 4:00:00 ... array.sh`). Tasks that failed are submitted again with the same script; what is done stays.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from trivium.ground.atomic import write_atomic
from trivium.ground.errors import Stopped
from trivium.ground.how import How
from trivium.stages.corpus.shards.parts import complete
from trivium.stages.corpus.shards.plan import Plan, Task

MOST_TASKS = 1000
"""Tasks of an array: Slurm's MaxArraySize is 1001 unless a site says otherwise. Beyond, a task makes several shards."""
SCRIPT = """#!/bin/bash
# {shards} shards, {span} a task. Submit: sbatch {script}
# Afterwards the command that wrote this puts the parts together.
#SBATCH --job-name=trivium-scored
#SBATCH --array=0-{last}
#SBATCH --cpus-per-task={threads}
#SBATCH --output={logs}/%a.txt
set -u
cd {here} || exit 1
status=0
first=$((SLURM_ARRAY_TASK_ID * {span}))
for ((shard = first; shard < first + {span} && shard < {shards}; shard++)); do
  {command} "$shard" --threads "${{SLURM_CPUS_PER_TASK:-{threads}}}" --no-progress || status=$?
done
exit "$status"
"""


def run(task: Task, plan: Plan, how: How) -> None:
    """Go on where every part is there; otherwise write the script beside the plan and raise Stopped, which says what
    to do next.
    """
    missing = sum(not complete(plan, shard) for shard in plan.shards)
    if missing:
        script = write_script(plan, how.threads or 1)
        raise Stopped(
            f"The work is laid out: {missing} of {len(plan.shards)} shards are to be made.",
            f"Submit `sbatch {script}`; when its tasks have ended, the same command goes on.",
        )


def write_script(plan: Plan, threads: int = 1, most: int = MOST_TASKS) -> Path:
    """Write `array.sh` into the plan's folder: at most so many tasks, each with so many threads. Gives its path."""
    script, logs = plan.folder / "array.sh", plan.folder / "logs"
    logs.mkdir(exist_ok=True)
    shards = len(plan.shards)
    span = -(-shards // most)
    text = SCRIPT.format(
        shards=shards,
        span=span,
        last=-(-shards // span) - 1,
        threads=threads,
        script=shlex.quote(str(script)),
        logs=shlex.quote(str(logs)),
        here=shlex.quote(os.getcwd()),
        command=shlex.join([sys.executable, "-m", "trivium", "corpus-shard", str(plan.folder)]),
    )
    write_atomic(script, text.encode())
    return script
