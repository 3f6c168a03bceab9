"""Training by several processes on one CPU, as torchrun would start them; each test's child program is this file.

`python ranks.py SCENARIO FOLDER` does the scenario as the rank that the environment names.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
STEPS = 6


def start(ranks: int, scenario: str, folder: Path, *more: str, **environment: str) -> list[subprocess.Popen[str]]:
    """The processes of a run, started together."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    return [
        subprocess.Popen(
            [sys.executable, str(HERE / "ranks.py"), scenario, str(folder), *more],
            env=os.environ
            | {"PYTHONPATH": f"{SOURCE}{os.pathsep}{HERE}", "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
            | {"MASTER_PORT": str(port), "RANK": str(rank), "WORLD_SIZE": str(ranks)}
            | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(ranks)
    ]


def ended(children: Sequence[subprocess.Popen[str]], timeout: float = 120) -> list[tuple[int, str]]:
    """Exit code and stderr of each process; those that hang are killed and fail the test."""
    try:
        return [(child.wait(timeout), child.communicate()[1]) for child in children]
    finally:
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            child.communicate()


def run(ranks: int, scenario: str, folder: Path, *more: str) -> None:
    """Do a scenario to its end, which must be a good one."""
    for code, err in ended(start(ranks, scenario, folder, *more)):
        assert code == 0, err


def train(how: Any, work: Path, name: str, after: Any = None, **options: Any) -> Any:
    """One run of the tiny training; each rank leaves its weights, rank 0 its metrics."""
    from safetensors.torch import save_file
    from tiny_training import loop, model

    from trivium.train.sharding import whole

    module = model(seed=options.pop("seed", how.place.rank), num_hidden_layers=options.pop("layers", 3))
    training = loop(module, work / name, steps=options.pop("steps", STEPS), how=how, **options)
    training.run(name, after)
    if how.shard and how.group is not None:
        module = whole(module, how.group)
    if module is not None:
        tensors = {n: p.detach().clone() for n, p in module.named_parameters()}
        save_file(tensors, work / f"{name}-{how.place.rank}.safetensors")
    return training


def joined(**options: Any) -> Any:
    """How a rank of these tests runs."""
    from trivium.ground.how import How, Place
    from trivium.train.distributed import join

    options = {"patience": 30.0, **options}
    return join(How(progress=False, threads=1, device="cpu", place=Place.from_environment(), **options))


def learn(folder: Path) -> None:
    """Whole models and shares of one, with and without microbatches, recomputing, compiling in between."""
    how = joined()
    shards = dataclasses.replace(how, shard=True)
    train(how, folder, "replicas", microbatch_tokens=24)
    train(how, folder, "tied", seed=0, source=rows(5))
    train(shards, folder, "shards", microbatch_tokens=24)
    train(dataclasses.replace(shards, recompute=True), folder, "recomputed")
    how.group.leave()


def rows(count: int) -> Any:
    """Batches of so many rows, which the ranks may not divide."""
    from tiny_training import shard

    from trivium.train.packing import StreamRows

    return StreamRows(shard(), 24, count, seed=3)


SCENARIOS = {"learn": learn}


def main() -> None:
    """Do the scenario named on the command line."""
    scenario, folder, *more = sys.argv[1:]
    from trivium.cli.app import complain
    from trivium.ground.errors import TriviumError

    try:
        SCENARIOS[scenario](Path(folder), *more)
    except TriviumError as error:
        sys.exit(complain(error.what, error.mend, error.exit_code))


if __name__ == "__main__":
    main()
