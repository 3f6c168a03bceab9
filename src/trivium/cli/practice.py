"""`trivium rl`: RL in a run, or on any chat model with a task of its own."""

from __future__ import annotations

from collections.abc import Sequence
from json import dumps
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trivium.cli.run import FLAG, SETTINGS, Order, TrainingManner, carry_out, stage_command
from trivium.ground.errors import UsageError
from trivium.journey.record import resolve
from trivium.recipes.practice import MEASURED, RUNS

MANY = Parameter(negative=(), consume_multiple=True)
RUN = Path("runs/nano")


def rl(
    model: Path | None = None,
    /,
    *,
    task: Annotated[tuple[str, ...], MANY] = (),
    control: Annotated[tuple[str, ...], MANY] = (),
    warm: Annotated[bool, FLAG] = False,
    thinking: Annotated[bool, FLAG] = False,
    tools: Annotated[tuple[str, ...], MANY] = (),
    reward_model: Path | None = None,
    out: Path | None = None,
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    node: str = "rl",
    recipe: str | None = None,
    seed: int | None = None,
    set: SETTINGS = (),
    manner: TrainingManner = TrainingManner(),
) -> int:
    """Let a model practise on problems that can be checked.

    trivium rl MODEL --task addition:3 --control random vote --out runs/sums · trivium rl --from runs/nano

    Parameters
    ----------
    model
        A chat model, ours or imported: a run folder or a sealed model folder. Without one, a run's own practice.
    task
        What is practised, as name:level. May be several.
    control
        What is measured beside it: random, format (practice paid by a coin, for the form alone), sft (as many tokens
        of worked traces), prompt (the start as it is), vote (majority at equal tokens). May be several.
    warm
        Warm the model up first: SFT on short worked traces until it solves some problems, at the level that fits.
    thinking
        Ask afterwards what thinking is worth: budgets, votes, faithfulness.
    tools
        Tools that may be called: calculator, python, search=FOLDER.
    reward_model
        A reward model's folder: it pays in the place of the verifier.
    out
        The run folder; runs/rl by default.
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
        given = {"--task": task, "--control": control, "--warm": warm, "--thinking": thinking, "--tools": tools,
                 "--out": out, "--reward-model": reward_model}  # fmt: skip
        for name, value in given.items():
            if value:
                raise UsageError(f"{name} is for a model of its own.", "Name one: trivium rl MODEL --task addition:3.")
        return stage_command("rl", "rl")(
            from_=from_ or RUN, node=node, recipe=recipe, seed=seed, set=set, manner=manner
        )
    if from_ is not None:
        raise UsageError("A model and --from are two beginnings.", "Leave one of them out.")
    options = asked(control, warm, thinking)
    settings = settings_of(model, task, tools, reward_model, options, set)
    ends = ("report",)
    order = Order("+".join(("practice", *options)), seed or 0, settings, out or Path("runs/rl"), ends)
    return carry_out(order, manner)


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
        if {*options} & {*RUNS}:
            raise UsageError("The controls random and format are paid otherwise.", "Leave out --reward-model.")
        practised += [f"reward_model={reward_model.resolve()}"]
    given = [setting.removeprefix("rl.") for setting in more if setting.startswith("rl.")]
    rest = [setting for setting in more if not setting.startswith("rl.")]
    if "warm" in options:
        rest = [*_warm(task), *rest]
        practised = [one for one in practised if not one.startswith("tasks=")] if len(task) == 1 else practised
    elif (
        not task and not any(setting.startswith("tasks=") for setting in given) and not resolve(model).has("evals.json")
    ):
        raise UsageError("What is to be practised?", "Name it: --task addition:3.")
    found = [f"start.model={start}", *rest, *(f"rl.{one}" for one in (*practised, *given))]
    for name in RUNS:
        if name in options:
            paid = [one for one in (*practised, *given) if not one.partition("=")[0].startswith("reward")]
            found += [f"control-{name}.{one}" for one in paid]
    return tuple(found)


def _warm(task: Sequence[str]) -> list[str]:
    """The warm start's task and level; practice then takes the level that it ends with."""
    if len(task) != 1:
        raise UsageError("A warm start is for one task.", "Give one --task.")
    name, _, level = task[0].partition(":")
    return [f"warm.task={name}"] + ([f"warm.level={level}", f"warm.highest={level}"] if level else [])
