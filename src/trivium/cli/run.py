"""`trivium run` and the single stages: the same journey, whole or up to one node."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from trivium.ground.how import How, Place
from trivium.journey.graph import Journey, unknown
from trivium.journey.headline import duration
from trivium.journey.overrides import override
from trivium.journey.plan import plan
from trivium.journey.record import JOURNEY, read_record
from trivium.journey.run import Result, needed
from trivium.journey.run import run as run_journey
from trivium.recipes.registry import recipe as find_recipe

SETTINGS = Annotated[tuple[str, ...], Parameter(name="--set", negative=())]
FLAG = Parameter(negative=())


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a run is carried out; none of it changes what comes out."""

    dry_run: Annotated[bool, FLAG] = False
    """Show what would run, and how long it took the last time, and do nothing."""
    json: Annotated[bool, FLAG] = False
    """Print one JSON value at the end, and the headlines on stderr."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    threads: int = 0
    """CPU threads; 0 means one for each core this process may use."""
    progress: bool = True
    """Show progress of long steps on stderr."""

    def how(self) -> How:
        """The same as stages want it."""
        return How(device=self.device, threads=self.threads, progress=self.progress)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrainingManner(Manner):
    """How a run is carried out that may train on several GPUs (started by torchrun)."""

    shard: Annotated[bool, FLAG] = False
    """Of several ranks each holds a share of weights and optimizer (FSDP2) instead of all of them (DDP)."""
    patience: float = 600.0
    """Seconds after which a rank that waits for the others gives up."""
    blocks: Literal["auto", "fused", "compiled", "plain"] = "auto"
    """How blocks run in training: fused (our GPU kernels), compiled (torch.compile), plain; auto: the fastest here."""
    recompute: Annotated[bool, FLAG] = False
    """Keep less of a forward pass and compute it again: a quarter more time, far less memory."""
    microbatch: int = 0
    """Tokens in one forward pass; 0: what fits (a GPU is tried out first)."""
    deterministic: Annotated[bool, FLAG] = False
    """On a GPU: the same bits each time, by other kernels. A CPU gives them anyway."""

    def how(self) -> How:
        """The same as stages want it; only rank 0 shows progress."""
        place = Place.from_environment()
        shown = self.progress and place.rank == 0
        return dataclasses.replace(
            super().how(), place=place, progress=shown, shard=self.shard, patience=self.patience, blocks=self.blocks,
            recompute=self.recompute, microbatch=self.microbatch, deterministic=self.deterministic,
        )  # fmt: skip


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CorpusManner(Manner):
    """How a corpus is made; none of it changes what comes out."""

    executor: Literal["local", "ray", "slurm"] = "local"
    """Who reads the sources: processes of this machine, ray (`pip install 'trivium[ray]'`), or slurm: a batch script
    is written, and the same command goes on when its tasks are done."""

    def how(self) -> How:
        """The same as stages want it."""
        return dataclasses.replace(super().how(), executor=self.executor)


@dataclass(frozen=True)
class Order:
    """What was asked for: a recipe with its seed and settings, in a folder, up to some nodes."""

    recipe: str
    seed: int
    settings: tuple[str, ...]
    out: Path
    until: tuple[str, ...] = ()

    def journey(self) -> Journey:
        """The journey, with the settings applied."""
        return override(find_recipe(self.recipe)(self.seed), self.settings)

    def about(self) -> dict[str, Any]:
        """What `journey.json` remembers of it."""
        return {"recipe": self.recipe, "seed": self.seed, "settings": list(self.settings)}


def run(
    recipe: str = "nano",
    *,
    out: Path | None = None,
    seed: int = 0,
    set: SETTINGS = (),
    manner: TrainingManner = TrainingManner(),
) -> int:
    """Run a recipe: every stage that is not up to date, in order. A stopped run continues by the same command.

    Parameters
    ----------
    recipe
        nano (two CPU cores, minutes) or tiny (seconds).
    out
        The run folder; runs/<recipe> by default.
    seed
        Moves every seed of every stage.
    set
        A config field, as <stage>.<field>=<value>; `--<stage>.<field> <value>` is the same. May be repeated.
    manner
        How it is carried out.
    """
    return carry_out(Order(recipe, seed, set, out or Path("runs") / recipe), manner)


def stage_command(command: str, default: str) -> Callable[..., int]:
    """The command of one stage; `default` is the node that it runs unless another is named."""

    def stage(
        *,
        from_: Annotated[Path, Parameter(name="--from")] = Path("runs/nano"),
        node: str = default,
        recipe: str | None = None,
        seed: int | None = None,
        set: SETTINGS = (),
        manner: TrainingManner = TrainingManner(),
    ) -> int:
        about = read_record(from_).about if (from_ / JOURNEY).is_file() else {}
        settings = (*about.get("settings", ()), *set) if recipe in (None, about.get("recipe")) else set
        name = recipe or str(about.get("recipe", "nano"))
        order = Order(name, int(about.get("seed", 0)) if seed is None else seed, tuple(settings), from_, (node,))
        nodes = [n.name for n in order.journey().nodes if n.house == command]
        if node not in nodes:
            raise unknown(f"{command} stage", node, nodes)
        return carry_out(order, manner)

    stage.__name__ = command
    stage.__doc__ = f"""Run the recipe up to `{default}`, from whatever the run folder holds already.

    Parameters
    ----------
    from_
        The run folder. Its recipe, seed and settings are used again.
    node
        Which of this stage's nodes to run.
    recipe
        The recipe, where the folder does not know one; nano by default.
    seed
        Another seed than the folder's.
    set
        A config field, as <stage>.<field>=<value>; `--<stage>.<field> <value>` is the same. May be repeated.
    """
    return stage


quirks = stage_command("quirks", "quirks-base")
report = stage_command("report", "report")


def carry_out(order: Order, manner: Manner) -> int:
    """Do what was asked for, or show it for a dry run, and print what came out. Gives the exit code 0."""
    journey = order.journey()
    how = manner.how()
    if manner.dry_run:
        return show_plan(order, journey, manner.json) if how.place.rank == 0 else 0

    def say(line: str) -> None:
        print(line, file=sys.stderr if manner.json else sys.stdout, flush=True)

    result = run_journey(journey, order.out, how, until=order.until, about=order.about(), say=say)
    if how.place.rank:
        return result.code
    from trivium.cli.outcome import as_json, ending

    if manner.json:
        print(json.dumps(as_json(order.out, order.about(), result), indent=1, ensure_ascii=False))
    else:
        for line in _summary(order.out, result):
            print(line)
        for line in ending(order.out, result.artifacts):
            print(line)
    return 0


def _summary(out: Path, result: Result) -> list[str]:
    done = f"{len(result.ran)} of {len(result.artifacts)} stages ran" if result.ran else "Everything is up to date"
    return ["", f"{done}; {duration(result.seconds)}; {out}"]


def show_plan(order: Order, journey: Journey, as_json: bool) -> int:
    """Print what would run, with the time it took the last time where that is known. Gives the exit code 0."""
    steps = plan(journey.until(order.until) if order.until else journey, order.out)
    wanted = needed(steps, order.until or [step.node.name for step in steps])
    record = read_record(order.out)
    rows: list[dict[str, Any]] = []
    for step in steps:
        state = step.state if step.state == "up to date" or step.node.name in wanted else "not needed"
        last = record.seconds(step.node.name)
        rows.append({"node": step.node.name, "state": state, "folder": step.entry.folder, "last_seconds": last})
    if as_json:
        print(json.dumps({"out": str(order.out), **order.about(), "steps": rows}, indent=1, ensure_ascii=False))
        return 0
    for row in rows:
        known = "" if row["last_seconds"] is None else f"last time {duration(row['last_seconds'])}"
        print(f"{row['node']:<14}{row['state']:<13}{row['folder']:<26}{known}".rstrip())
    return 0
