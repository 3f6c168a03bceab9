"""`trivium reward`: the judge of a run, or one from comparisons in files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cyclopts import Parameter

from trivium.cli.run import SETTINGS, TrainingManner, stage_command
from trivium.ground.artifact import Artifact
from trivium.ground.config import replace_field
from trivium.ground.errors import ConfigError, UsageError
from trivium.journey.record import resolve

FILES = Annotated[tuple[Path, ...], Parameter(negative=(), consume_multiple=True)]
WORDS = Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)]
C = TypeVar("C")


def reward(
    model: Path | None = None,
    /,
    *,
    comparisons: FILES = (),
    test: FILES = (),
    where: WORDS = (),
    out: Path | None = None,
    stage: str | None = None,
    from_: Annotated[Path, Parameter(name="--from")] = Path("runs/nano"),
    node: str = "reward",
    recipe: str | None = None,
    seed: int | None = None,
    set: SETTINGS = (),
    manner: TrainingManner = TrainingManner(),
) -> int:
    """Train a reward model: of a run folder, or of any chat model on comparisons in files.

    trivium reward --from runs/nano · trivium reward MODEL --comparisons FILE… --out runs/judge

    Parameters
    ----------
    model
        A run folder, or a sealed model folder; for comparisons in files.
    comparisons
        Files of comparisons (prompt, chosen, rejected): JSON lines (.gz, .zst too) or Parquet.
    test
        Files to measure on; without any, a share of the prompts (fit.heldout).
    where
        Only rows whose field has a value, as <field>=<value>.
    out
        The judge's folder; runs/reward by default.
    stage
        Which of a run's models: sft, rl, …; the last one by default.
    from_
        The run folder. Its recipe, seed and settings are used again.
    node
        Which of this stage's nodes to run.
    recipe
        The recipe, where the folder does not know one; nano by default.
    seed
        Another seed than the folder's, or than 0.
    set
        A config field: <stage>.<field>=<value> of a run, fit.<field>=<value> with files. May be repeated.
    manner
        How it is carried out.
    """
    if not comparisons:
        if model is not None:
            raise UsageError(f"{model}: no comparisons are given.", "Name files: --comparisons FILE.")
        return stage_command("reward", node)(from_=from_, node=node, recipe=recipe, seed=seed, set=set, manner=manner)
    if model is None:
        raise UsageError("Which model is to become a judge?", "`trivium reward MODEL --comparisons FILE`.")
    settings = Settings(seed or 0, set, out or Path("runs/reward"))
    return from_files(resolve(model, stage), comparisons, test, where, settings, manner)


@dataclass(frozen=True)
class Settings:
    """Seed, config fields, and where the judge goes."""

    seed: int
    fields: tuple[str, ...]
    out: Path


def from_files(
    model: Artifact, comparisons: FILES, test: FILES, where: WORDS, settings: Settings, manner: TrainingManner
) -> int:
    """Train the judge of some files and print its figures. The exit code."""
    from trivium.stages.reward.config import FitConfig
    from trivium.stages.reward.fit import run
    from trivium.text.preferences.given import Given

    config = settled(FitConfig(seed=settings.seed, heldout=0.0 if test else 0.1), "fit", settings.fields)
    judge = run(config, {"model": model}, Given(comparisons, test, where), settings.out, manner.how())
    evals = judge.json("evals.json")
    print(json.dumps(evals, indent=1, ensure_ascii=False) if manner.json else "\n".join(told(evals, settings.out)))
    return 0


def settled(config: C, place: str, settings: tuple[str, ...]) -> C:
    """The config with each `<place>.<field>=<value>` applied. Raises UsageError and ConfigError."""
    for setting in settings:
        path, equals, text = setting.partition("=")
        house, dot, dotted = path.partition(".")
        if not equals or not dot or house != place:
            raise UsageError(f"{setting!r} is no setting.", f"Write --{place}.<field> <value>.")
        try:
            config = replace_field(config, dotted.replace("-", "_"), text)
        except ConfigError as error:
            raise ConfigError(f"--{path}: {error.what}", error.mend) from error
    return config


def told(evals: dict[str, Any], out: Path) -> list[str]:
    """The judge's figures as lines."""
    lines = [read_line(evals["files"])]
    lines += [f"  dropped {d['rows']:>6,}  {why} ({d['first'][0]})" for why, d in evals["files"]["dropped"].items()]
    counts = evals["comparisons"]
    lines.append(f"learned from {counts['train']:,}, measured on {counts['heldout']:,}")
    if evals["pairs"]:
        lines.append(f"right             {percent(evals['accuracy'])}   (prompts resampled: "
                     f"{percent(evals['accuracy_by_prompt'])})")  # fmt: skip
        lines.append(f"length alone      {percent(evals['length_alone'])}   ({evals['length_rule']})")
        lines.append(f"above length      {percent(evals['above_length'])}")
        for row in evals["by_margin"]:
            lines.append(f"  margin {row['from']:6.2f} to {row['to']:6.2f}  {percent(row['accuracy'])}")
        lines.append(f"calibration error {100 * evals['calibration']['error']:.1f} %")
        bias = evals["length_bias"]["within_pairs"]
        if bias is not None:
            lines.append(
                f"score and length  r = {bias['value']:+.2f} [{bias['low']:+.2f}, {bias['high']:+.2f}] in pairs"
            )
    return [*lines, f"{evals['tokens']:,} tokens in {evals['seconds']:,.1f} s → {out}"]


def read_line(files: dict[str, Any]) -> str:
    """What was read, in a line."""
    others = f", {files['not_asked_for']:,} rows not asked for" if files["not_asked_for"] else ""
    ties = f", {files['ties']:,} ties among them" if files["ties"] else ""
    return f"{files['comparisons']:,} comparisons{ties}{others}"


def percent(figure: dict[str, Any]) -> str:
    """A share with its interval."""
    if figure["value"] is None:
        return "no items"
    value, low, high = (100 * figure[key] for key in ("value", "low", "high"))
    return f"{value:5.1f} % [{low:.1f}, {high:.1f}]"
