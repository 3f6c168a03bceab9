"""`trivium rl`: RL in a run, or on any chat model with a task of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trivium.cli.run import FLAG, SETTINGS, Order, TrainingManner, carry_out, stage_command
from trivium.ground.config import field_names
from trivium.ground.errors import UsageError
from trivium.journey.record import resolve
from trivium.recipes.practice import MEASURED, RUNS

MANY = Parameter(negative=(), consume_multiple=True)
RUN = Path("runs/nano")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked for with a model of its own."""

    task: Annotated[tuple[str, ...], MANY] = ()
    """What is practised, as name:level, or own=FILE.py, gsm8k=FILE and the like. May be several."""
    control: Annotated[tuple[str, ...], MANY] = ()
    """What is measured beside it: random, format (practice paid by a coin, for the form alone), sft (as many tokens of
    worked traces), prompt (the start as it is), vote (majority at equal tokens). May be several."""
    warm: Annotated[bool, FLAG] = False
    """Warm the model up first: SFT on short worked traces until it solves some problems, at the level that fits."""
    thinking: Annotated[bool, FLAG] = False
    """Ask afterwards what thinking is worth: budgets, votes, faithfulness."""
    tools: Annotated[tuple[str, ...], MANY] = ()
    """Tools that may be called: calculator, python, search=FOLDER."""
    reward_model: Path | None = None
    """A reward model's folder (or a run that has one): it pays in the place of the verifier; without a task, for
    answers to prompts."""
    prompts: Path | None = None
    """With a reward model: a file of prompts, one a line, or JSON lines with a prompt; everyday ones by default."""
    kl: float | None = None
    """With a reward model and prompts: price of a nat of distance from the beginning; 0.05 by default."""
    out: Path | None = None
    """The run folder; runs/rl by default."""


def rl(
    model: Path | None = None,
    /,
    *,
    wish: Wish = Wish(),
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    node: str = "rl",
    recipe: str | None = None,
    seed: int | None = None,
    set: SETTINGS = (),
    manner: TrainingManner = TrainingManner(),
) -> int:
    """Let a model practise on problems that can be checked.

    trivium rl MODEL --task addition:3 --control random vote --out runs/sums · trivium rl --from runs/nano ·
    trivium rl MODEL --reward-model runs/judge --kl 0.05 --out runs/pleasing

    Parameters
    ----------
    model
        A chat model, ours or imported: a run folder or a sealed model folder. Without one, a run's own practice.
    wish
        What is practised, and what is asked around it.
    from_
        A run folder, whose own practice is run with its recipe, seed and settings.
    node
        Which of that run's nodes of this stage.
    recipe
        The recipe, where the folder does not know one; nano by default.
    seed
        Another seed than the folder's.
    set
        A config field, as <stage>.<field>=<value>; `--<stage>.<field> <value>` is the same. May be repeated.
    manner
        How it is carried out.
    """
    if model is None:
        given = [name for name in field_names(wish) if getattr(wish, name)]
        if given:
            flag = given[0].replace("_", "-")
            mend = "Name one: trivium rl MODEL --task addition:3."
            raise UsageError(f"--{flag} is for a model of its own.", mend)
        run = stage_command("rl", "rl")
        return run(from_=from_ or RUN, node=node, recipe=recipe, seed=seed, set=set, manner=manner)
    if from_ is not None:
        raise UsageError("A model and --from are two beginnings.", "Leave one of them out.")
    if wish.reward_model is not None and not wish.task:
        from trivium.cli.preferences.compare import asked_prompts
        from trivium.cli.preferences.judged import with_judge

        settings = (() if wish.kl is None else (f"judged.kl={wish.kl}",)) + tuple(set)
        prompts = asked_prompts(wish.prompts, 400, 0)
        out = wish.out or Path("runs/rl")
        return with_judge(resolve(model), wish.reward_model, prompts, settings, seed or 0, out, manner)
    options = asked(wish.control, wish.warm, wish.thinking)
    settings = settings_of(model, wish.task, wish.tools, wish.reward_model, options, set)
    name = "+".join(("practice", *options))
    return carry_out(Order(name, seed or 0, settings, wish.out or Path("runs/rl"), ("report",)), manner)


def asked(control: Sequence[str], warm: bool, thinking: bool) -> tuple[str, ...]:
    """The options of the recipe, each once. Raises UsageError for an unknown control."""
    named = [name for word in control for name in word.split(",") if name]
    for name in named:
        if name not in (*RUNS, *MEASURED):
            raise UsageError(f"There is no control {name!r}.", f"There are: {', '.join((*RUNS, *MEASURED))}.")
    wanted = [*(["warm"] if warm else []), *named, *(["thinking"] if thinking else [])]
    return tuple(dict.fromkeys(wanted))


def settings_of(
    model: Path,
    task: Sequence[str],
    tools: Sequence[str],
    reward_model: Path | None,
    options: Sequence[str],
    more: Sequence[str],
) -> tuple[str, ...]:
    """The settings of a practice of its own. What is set for `rl` holds for its controls, their pay aside."""
    start = resolve(model).path.resolve()
    practised = [f"tasks={dumps(list(task))}"] if task else []
    practised += [f"tools={dumps(list(tools))}"] if tools else []
    if reward_model is not None:
        practised += ["reward=model", f"reward_model={reward_model.resolve()}"]
    given = [setting.removeprefix("rl.") for setting in more if setting.startswith("rl.")]
    rest = [setting for setting in more if not setting.startswith("rl.")]
    if "warm" in options:
        rest = [*_warm(task), *rest]
        if len(task) == 1:  # practice takes the level that the warm start ends with
            practised = [one for one in practised if not one.startswith("tasks=")]
    found = [f"start.model={start}", *rest, *(f"rl.{one}" for one in (*practised, *given))]
    for name in RUNS:
        if name in options:
            same = [one for one in (*practised, *given) if not one.startswith("reward")]
            found += [f"control-{name}.{one}" for one in same]
    return (
        *found,
        *(one for one in rest if one.startswith("control-")),
    )  # what is said of a control alone is said last


def _warm(task: Sequence[str]) -> list[str]:
    """The warm start's task and level. Of several tasks the rule looks at the first, at its level; all are taught."""
    if not task:
        raise UsageError("A warm start is for a task.", "Give one: --task addition:3.")
    from trivium.stages.rl.config import WarmConfig
    from trivium.tasks.desk import given

    name, _, level = (task[0], "", "1") if given(task[0]) else task[0].partition(":")
    level = level or ("1" if len(task) > 1 else "")
    both = [f"warm.level={level}", f"warm.highest={level}"] if level else []
    if level.isdecimal() and int(level) > WarmConfig.highest:  # set one by one, and never level above highest
        both.reverse()
    return [f"warm.task={name}", *both, *([f"warm.beside={dumps(list(task[1:]))}"] if len(task) > 1 else [])]
