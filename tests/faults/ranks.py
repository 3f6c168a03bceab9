"""Training by several processes on one CPU, as torchrun would start them; each test's child program is this file.

`python ranks.py SCENARIO FOLDER` does the scenario as the rank that the environment names.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from trivium.cli.app import complain
from trivium.ground.errors import Stopped, TriviumError
from trivium.ground.signals import end

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
            | {"PYTHONPATH": f"{SOURCE}{os.pathsep}{HERE}", "OMP_NUM_THREADS": "1"}
            | {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}  # no bf16: rounding that grows would hide what is wrong
            | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "RANK": str(rank), "WORLD_SIZE": str(ranks)}
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

    shape = {name: options.pop(name) for name in ("tie_word_embeddings",) if name in options}
    # Other first weights on each rank: those of rank 0 must count.
    module = model(seed=options.pop("seed", 0) + how.place.rank, num_hidden_layers=3, **shape)
    if options.pop("eight", False):
        module.take_float8()
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
    """All that two ranks can do in one start."""
    import torch

    how = joined()
    shards = dataclasses.replace(how, shard=True)
    with open(folder / f"reports-{how.place.rank}.json", "w", encoding="utf-8") as file:
        train(how, folder, "replicas", microbatch_tokens=24)
        train(how, folder, "odd", source=rows(5), tie_word_embeddings=True)
        train(how, folder, "clipped", max_grad_norm=0.3)
        scales = train(how, folder, "eight", eight=True, steps=20, microbatch_tokens=24).float8
        (folder / f"largest-{how.place.rank}.json").write_text(json.dumps(scales.largest.tolist()))
        train(shards, folder, "shards", microbatch_tokens=24)
        train(shards, folder, "shards-odd", source=rows(5), tie_word_embeddings=True)
        train(shards, folder, "shards-clipped", max_grad_norm=0.3)
        train(dataclasses.replace(shards, recompute=True), folder, "recomputed")
        real, torch.compile = torch.compile, partial(torch.compile, backend="aot_eager")
        train(dataclasses.replace(shards, blocks="compiled"), folder, "compiled")
        train(dataclasses.replace(how, blocks="compiled", recompute=True), folder, "replicas-compiled")
        torch.compile = real
        json.dump({mode: interrupted(how, folder, mode) for mode in ("replicas", "shards")}, file)
    reshaped(shards, folder / "from-1", folder / "from-2")
    how.group.leave()


def three(folder: Path) -> None:
    """A checkpoint of two ranks taken on by three, and training by three, of whom one has fewer rows of a tensor."""
    how = joined(shard=True)
    reshaped(how, folder / "from-2", folder / "from-3")
    train(how, folder, "three", source=rows(4))
    how.group.leave()


def interrupted(how: Any, folder: Path, mode: str) -> list[str]:
    """A run that a signal to rank 1 stops, that a full disk of one rank ends, and that then goes to its end."""
    from trivium.ground.signals import StopFlag, listening
    from trivium.train.checkpoint import Snapshot

    how = dataclasses.replace(how, shard=mode == "shards")
    report = []

    def attempt(after: Any = None, **changes: Any) -> None:
        mine = dataclasses.replace(how, stop=StopFlag(), **changes)
        try:
            with listening(mine.stop, how.place.rank, how.place.ranks):
                seed = 40 * len(report)  # what a later part starts from must not matter
                train(mine, folder, f"{mode}-interrupted", after, microbatch_tokens=24, seed=seed)
        except (Stopped, TriviumError, OSError) as error:
            report.append(f"{type(error).__name__}: {error}")

    attempt(lambda step: os.kill(os.getpid(), signal.SIGTERM) if (step, how.place.rank) == (2, 1) else None)
    real, full = Snapshot.write, how.place.rank == (1 if how.shard else 0)

    def write(*arguments: Any) -> Any:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments)

    Snapshot.write = write  # type: ignore[method-assign]
    attempt(lambda _step: time.sleep(0.05), checkpoint_seconds=0.0)
    Snapshot.write = real  # type: ignore[method-assign]
    attempt(checkpoint_seconds=0.0)
    return report


def reshaped(how: Any, source: Path, out: Path) -> None:
    """Load a checkpoint on these ranks and save it again."""
    from tiny_training import LABEL, loop, model

    from trivium.train import checkpoint
    from trivium.train.saver import Saver

    training = loop(model(seed=5, num_hidden_layers=3), source, how=how)
    state = checkpoint.load(source, LABEL, training.module, training.optimizer, how.group)
    assert state is not None
    saver = Saver(out, LABEL, how.group, shared=True)
    saver.begin(state["step"], training.module, training.optimizer, {"note": state["note"]})
    saver.settle()


def ends(folder: Path, how_it_ends: str) -> None:
    """Three steps with saves, then what happens to rank 1: a signal, death, or a deep sleep."""
    from trivium.ground.signals import listening

    how = joined(checkpoint_seconds=0.0, patience=6.0 if how_it_ends == "sleeps" else 30.0)

    def after(step: int) -> None:
        if (step, how.place.rank) != (3, 1):
            time.sleep(0.05)  # so that a save of before is sealed
        elif how_it_ends == "signal":
            os.kill(os.getpid(), signal.SIGTERM)
        elif how_it_ends == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            time.sleep(60)

    with listening(how.stop, how.place.rank, how.place.ranks):
        try:
            train(how, folder, "ends", after, steps=50)
        except Stopped:  # together: they take leave, as a journey's ranks do; who ends by an error does not
            how.group.leave()
            raise


def uneven(folder: Path, slow: str) -> None:
    """Each rank writes its share of the checkpoints; one takes several steps longer than the other."""
    from trivium.train.checkpoint import Snapshot

    how = joined(shard=True, checkpoint_seconds=0.0)
    real = Snapshot.write

    def write(*arguments: Any) -> Any:
        if how.place.rank == int(slow):
            time.sleep(0.4)
        return real(*arguments)

    Snapshot.write = write  # type: ignore[method-assign]
    train(how, folder, "uneven", lambda _step: time.sleep(0.05), steps=24)
    how.group.leave()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Of a stage that adds up ranks."""

    word: str = ""


SEVERAL_RANKS = True


def label_of(config: Config, inputs: Any) -> Any:
    """What the stage seals."""
    from trivium.ground.artifact import Label, parents_of

    return Label("model", "ranks", 1, config, parents_of(inputs))


def stage(config: Config, inputs: Any, out: Path, how: Any) -> Any:
    """A stage of all ranks: rank 0 seals what they add up."""
    import torch

    from trivium.ground.artifact import open_artifact, sealing
    from trivium.train.crew import turn

    total = how.group.sum(torch.tensor(float(how.place.rank + 1))).item()
    if config.word == "stops":
        how.stop.request("a test")
        how.stop.check("in the stage")
    with turn(how) as mine:
        if mine:
            with sealing(out, label_of(config, inputs), {"total": total}):
                time.sleep(0.2)
    return open_artifact(out)


def journey(folder: Path) -> None:
    """A journey whose second stage all ranks run; once to its end and once stopped in it."""
    import toy_stages

    from trivium.ground.how import How, Place
    from trivium.journey.graph import Journey, Node
    from trivium.journey.run import run as run_journey

    sys.modules["ranks"] = sys.modules[__name__]
    first = Node(name="first", entry="toy_stages:run", config=toy_stages.ToyConfig(), inputs={})
    for word in ("ends", "stops"):
        second = Node(name="second", entry="ranks:stage", config=Config(word=word), inputs={"first": "first"})
        how = How(progress=False, device="cpu", place=Place.from_environment(), patience=30.0)
        result = run_journey(Journey("toy", (first, second)), folder / "run", how, say=lambda _line: None)
        if how.place.rank and result.code:
            sys.exit(result.code)
        with open(folder / f"{word}-{how.place.rank}.json", "w", encoding="utf-8") as file:
            json.dump([result.ran, toy_stages.RUNS], file)
        os.environ["MASTER_PORT"] = str(int(os.environ["MASTER_PORT"]) + 1)


def practise(folder: Path) -> None:
    """RL by all ranks: to its end, and stopped after each step."""
    from rl_training import practise as run_practice

    from trivium.ground.signals import StopFlag

    how = joined()
    run_practice(how, folder, "whole")
    for part in range(5):
        mine = dataclasses.replace(how, stop=StopFlag())
        with contextlib.suppress(Stopped):
            run_practice(mine, folder, "parts", lambda _step, stop=mine.stop: stop.request("a test"), seed=9 * part)
    how.group.leave()


def rows(count: int) -> Any:
    """Batches of so many rows, which the ranks may not divide."""
    from tiny_training import shard

    from trivium.train.packing import StreamRows

    return StreamRows(shard(), 24, count, seed=3)


SCENARIOS = {"learn": learn, "three": three, "ends": ends, "journey": journey, "practise": practise,
             "uneven": uneven}  # fmt: skip


def main() -> None:
    """Do the scenario named on the command line."""
    scenario, folder, *more = sys.argv[1:]
    code = 0
    try:
        SCENARIOS[scenario](Path(folder), *more)
    except TriviumError as error:
        code = complain(error.what, error.mend, error.exit_code)
    end(code, int(os.environ["WORLD_SIZE"]))  # as the front door does


if __name__ == "__main__":
    main()
