"""`trivium rl`: practice of a run on problems, or of any chat model with a reward model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from trivium.cli.preferences.compare import asked_prompts
from trivium.cli.preferences.reward import settled
from trivium.cli.run import SETTINGS, TrainingManner, stage_command
from trivium.ground.artifact import Artifact, open_artifact
from trivium.ground.errors import UsageError
from trivium.journey.record import JOURNEY, open_node, resolve


def rl(
    model: Path | None = None,
    /,
    *,
    reward_model: Path | None = None,
    prompts: Path | None = None,
    kl: float | None = None,
    out: Path = Path("runs/rl"),
    stage: str | None = None,
    from_: Annotated[Path, Parameter(name="--from")] = Path("runs/nano"),
    node: str = "rl",
    recipe: str | None = None,
    seed: int | None = None,
    set: SETTINGS = (),
    manner: TrainingManner = TrainingManner(),
) -> int:
    """Let a model practise: a run's on problems that can be checked, or any chat model with a reward model.

    trivium rl --from runs/nano · trivium rl MODEL --reward-model runs/judge --kl 0.05 --out runs/pleasing

    Parameters
    ----------
    model
        A run folder, or a sealed model folder; with a reward model.
    reward_model
        The judge's folder (or a run that has one).
    prompts
        A file of prompts, one a line, or JSON lines with a prompt; everyday ones by default.
    kl
        Price of a nat of distance from the model that it begins with; 0.05 by default.
    out
        The folder of the model that comes out; with a reward model.
    stage
        Which of a run's models: sft, …; the last one by default.
    from_
        The run folder. Its recipe, seed and settings are used again.
    node
        Which of this stage's nodes to run.
    recipe
        The recipe, where the folder does not know one; nano by default.
    seed
        Another seed than the folder's, or than 0.
    set
        A config field: <stage>.<field>=<value> of a run, judged.<field>=<value> with a reward model. May be repeated.
    manner
        How it is carried out.
    """
    if reward_model is None:
        if model is not None:
            raise UsageError(f"{model}: no reward model is given.", "Name one: --reward-model DIR.")
        return stage_command("rl", node)(from_=from_, node=node, recipe=recipe, seed=seed, set=set, manner=manner)
    if model is None:
        raise UsageError("Which model is to practise?", "`trivium rl MODEL --reward-model DIR`.")
    start = resolve(model, stage)
    settings = (() if kl is None else (f"judged.kl={kl}",)) + set
    return with_judge(start, reward_model, asked_prompts(prompts, 400, 0), settings, seed or 0, out, manner)


def with_judge(
    start: Artifact, reward_model: Path, asked: list[Any], settings: tuple[str, ...], seed: int, out: Path,
    manner: TrainingManner,
) -> int:  # fmt: skip
    """Practise what the judge likes, and print score, distance and length before and after. The exit code."""
    from trivium.stages.rl.judged import JudgedConfig, run

    judge = (
        open_node(reward_model, "reward", "reward")
        if (reward_model / JOURNEY).is_file()
        else open_artifact(reward_model, "reward")
    )
    config = settled(JudgedConfig(seed=seed), "judged", settings)
    told = run(config, {"model": start, "reward": judge}, asked, out, manner.how()).json("evals.json")
    if manner.json:
        print(json.dumps(told, indent=1, ensure_ascii=False))
        return 0
    for name, figures in told.items():
        distance = figures["kl"]
        print(f"{name:<7} score {figures['score']:+.3f}  distance {distance['value']:.2f} "
              f"[{distance['low']:.2f}, {distance['high']:.2f}] nats  {figures['answer_tokens']['value']:.1f} tokens  "
              f"distinct pairs of words {100 * figures['distinct_2']:.0f} %")  # fmt: skip
    print(f"→ {out}   (trivium chat {out})")
    return 0
