"""`trivium dpo`: a chat model learns from comparisons directly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trivium.cli.preferences.reward import FILES, WORDS, percent, read_line, settled
from trivium.cli.run import SETTINGS, TrainingManner
from trivium.ground.errors import UsageError
from trivium.journey.record import resolve


def dpo(
    model: Path,
    /,
    *,
    comparisons: FILES = (),
    test: FILES = (),
    where: WORDS = (),
    out: Path = Path("runs/dpo"),
    stage: str | None = None,
    beta: float | None = None,
    seed: int = 0,
    set: SETTINGS = (),
    manner: TrainingManner = TrainingManner(),
) -> int:
    """Teach a chat model what people prefer, without a reward model (DPO).

    trivium dpo MODEL --comparisons FILE… --beta 0.1 --out runs/dpo

    Parameters
    ----------
    model
        A run folder, or a sealed model folder: what is taught, and the reference.
    comparisons
        Files of comparisons (prompt, chosen, rejected): JSON lines (.gz, .zst too) or Parquet.
    test
        Files to measure on; without any, a share of the prompts (dpo.heldout).
    where
        Only rows whose field has a value, as <field>=<value>.
    out
        The model's folder.
    stage
        Which of a run's models: sft, rl, …; the last one by default.
    beta
        How dearly a step away from the reference is bought; 0.1 by default.
    seed
        Decides the order of the comparisons.
    set
        A config field, as dpo.<field>=<value>; `--dpo.<field> <value>` is the same. May be repeated.
    manner
        How it is carried out.
    """
    from trivium.stages.dpo.config import DpoConfig
    from trivium.stages.dpo.run import run
    from trivium.text.preferences.given import Given

    if not comparisons:
        raise UsageError("No comparisons are given.", "Name files: --comparisons FILE.")
    config = settled(DpoConfig(seed=seed), "dpo", ((f"dpo.beta={beta}",) if beta is not None else ()) + set)
    taught = run(config, {"model": resolve(model, stage)}, Given(comparisons, test, where), out, manner.how())
    evals = taught.json("evals.json")
    print(json.dumps(evals, indent=1, ensure_ascii=False) if manner.json else "\n".join(told(evals, out)))
    return 0


def told(evals: dict[str, Any], out: Path) -> list[str]:
    """The figures as lines."""
    counts, distance = evals["comparisons"], evals["distance"]
    lines = [read_line(evals["files"])]
    lines += [f"  dropped {d['rows']:>6,}  {why} ({d['first'][0]})" for why, d in evals["files"]["dropped"].items()]
    lines.append(f"learned from {counts['train']:,}, measured on {counts['heldout']:,}")
    lines.append(f"prefers what the person did  {percent(evals['accuracy'])}")
    lines.append(f"length alone                 {percent(evals['length_alone'])}   ({evals['length_rule']})")
    for key in ("margin", "reward_of_chosen", "reward_of_rejected"):
        lines.append(f"{key.replace('_', ' '):<28} {between(evals[key])}")
    lines.append(f"distance from the reference  {between(distance['kl'])} nats an answer")
    return [*lines, f"→ {out}   (trivium chat {out})"]


def between(figure: dict[str, Any]) -> str:
    """A number with its interval."""
    return f"{figure['value']:+.3f} [{figure['low']:+.3f}, {figure['high']:+.3f}]"
