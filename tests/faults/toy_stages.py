"""Toy stages that behave like real ones (resumable, logged, sealed) and take milliseconds; a journey of four of them.

Run as a program (`python toy_stages.py OUT STEPS PAUSE`), it is a child process for tests that kill it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trivium.cli.app import complain
from trivium.ground.artifact import Artifact, Label, newest_valid, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.config import check
from trivium.ground.errors import TriviumError
from trivium.ground.how import How
from trivium.ground.log import JsonLog
from trivium.journey.graph import Journey, Node
from trivium.journey.plan import work_of
from trivium.journey.run import run as run_journey

PAUSE = 0.0
RUNS: list[str] = []


@dataclass(frozen=True, kw_only=True)
class Inner:
    rate: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ToyConfig:
    steps: int = 5
    """Links of the hash chain."""
    word: str = "start"
    seed: int = 0
    kind: str = "toy"
    inner: Inner = Inner()

    def __post_init__(self) -> None:
        """Check."""
        check(self.steps > 0, "steps", self.steps, "Give at least 1.")


def label_of(config: ToyConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of what `run` would seal."""
    return Label(config.kind, "toy", 1, config, parents_of(inputs))


def run(config: ToyConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Chains hashes.

    A checkpoint after every step, a log line a step: what training does.
    """
    RUNS.append(out.name)
    work = work_of(out)
    work.mkdir(parents=True, exist_ok=True)
    label = label_of(config, inputs)
    before = [inputs[name].file("value.txt").read_text() for name in sorted(inputs)]
    value = "".join([config.word, str(config.seed), *before])
    step = 0
    saved = newest_valid(work, kind="checkpoint")
    if saved is not None:
        state = saved.json("state.json")
        step, value = state["step"], state["value"]
    with JsonLog(work / "metrics.jsonl", keep=lambda record: record["step"] <= step) as log:
        while step < config.steps:
            how.stop.check(f"after step {step}")
            step += 1
            value = hashlib.sha256(value.encode()).hexdigest()
            log.write({"step": step, "value": value})
            with sealing(work / f"step-{step}", Label("checkpoint", "toy", 1, [label.id, step])) as folder:
                write_json(folder / "state.json", {"step": step, "value": value})
            for old in range(step - 1):
                shutil.rmtree(work / f"step-{old}", ignore_errors=True)
            time.sleep(PAUSE)
    with sealing(out, label, {"steps": step}) as folder:
        (folder / "value.txt").write_text(value)
        shutil.copyfile(work / "metrics.jsonl", folder / "metrics.jsonl")
    shutil.rmtree(work)
    return open_artifact(out)


def toy(steps: int = 5, seed: int = 0) -> Journey:
    """A diamond: first, left and right from it, last from both."""

    def node(name: str, *parents: str, kind: str = "toy") -> Node:
        config = ToyConfig(steps=steps, word=name, seed=seed, kind=kind)
        return Node(name=name, entry="toy_stages:run", config=config, inputs={p: p for p in parents})

    nodes = (node("last", "left", "right", kind="model"), node("first"), node("left", "first", kind="model"))
    return Journey("toy", (*nodes, node("right", "first")))


def toy_recipe(seed: int = 0) -> Journey:
    """The toy journey as a recipe."""
    return toy(seed=seed)


def values(out: Path) -> dict[str, tuple[str, str]]:
    """Node -> what it made: the final value and the whole log."""
    nodes = json.loads((out / "journey.json").read_text())["nodes"]
    folders = {name: out / entry["folder"] for name, entry in nodes.items()}
    return {n: ((f / "value.txt").read_text(), (f / "metrics.jsonl").read_text()) for n, f in folders.items()}


def main() -> None:
    """Run the toy journey in a process of its own."""
    global PAUSE
    out, steps, PAUSE = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    sys.modules["toy_stages"] = sys.modules[__name__]  # the journey's entries name this very module
    try:
        run_journey(toy(steps), out, How(progress=False))
    except TriviumError as error:
        sys.exit(complain(error.what, error.mend, error.exit_code))


if __name__ == "__main__":
    main()
