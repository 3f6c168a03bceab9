"""`trivium pretrain`: the base model of a run, one on documents of one's own, or an existing model trained on."""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trivium.cli.run import SETTINGS, Order, TrainingManner, carry_out, stage_command
from trivium.ground.artifact import MANIFEST
from trivium.ground.errors import UsageError
from trivium.journey.record import resolve

RUN = Path("runs/nano")


def pretrain(
    *,
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    on: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)] = (),
    out: Path | None = None,
    depth: int = 0,
    ratio: float | None = None,
    vocabulary: int | None = None,
    fp8: Annotated[bool, Parameter(negative=())] = False,
    node: str = "base",
    recipe: str | None = None,
    seed: int | None = None,
    set: SETTINGS = (),
    manner: TrainingManner = TrainingManner(),
) -> int:
    """Train a base model: of a run folder, on documents of your own, or from a model that exists.

    trivium pretrain --from runs/nano --depth 4 · trivium pretrain --on DOCUMENTS --depth 8 --out runs/mine ·
    trivium pretrain --from MODEL --on DOCUMENTS --out runs/more (and what it forgot is measured).

    Parameters
    ----------
    from_
        A run folder, whose recipe, seed and settings are used again; or, with --on, a model to be trained on.
    on
        Sources of documents of your own, as `trivium corpus --from` takes them.
    out
        The run folder for documents of your own; runs/base or runs/continued by default.
    depth
        Number of blocks: width, heads, batch, rates, tokens and schedule follow from it. 0: as the recipe says.
    ratio
        With a depth: tokens to read for each parameter that multiplies; 12 by default.
    vocabulary
        Tokens of the vocabulary, for documents of your own; 8192 by default.
    fp8
        Matrix products of training in 8-bit floating point (Ada, Hopper): faster, another result.
    node
        Which of the run's pre-training nodes.
    recipe
        The recipe, where the folder does not know one; nano by default.
    seed
        Another seed than the folder's.
    set
        A config field, as <stage>.<field>=<value>; `--<stage>.<field> <value>` is the same. May be repeated.
    manner
        How it is carried out.
    """
    dial = _dial(node, depth, ratio, fp8)
    if not on:
        _need_no_documents(from_, {"--out": out, "--vocabulary": vocabulary})
        return stage_command("pretrain", "base")(
            from_=from_ or RUN, node=node, recipe=recipe, seed=seed, set=(*dial, *set), manner=manner
        )
    settings = [f"scored.source={dumps(on)}", *dial]
    if from_ is None:
        settings += [] if vocabulary is None else [f"tokenizer.vocabulary={vocabulary}"]
        return _on("base", Path("runs/base") if out is None else out, settings, set, seed, manner)
    if vocabulary is not None or depth:
        raise UsageError("A model that is trained on has its vocabulary and its depth.", "Leave them out.")
    return _on("continued", out or Path("runs/continued"), [*settings, *_start(from_)], set, seed, manner)


def _dial(node: str, depth: int, ratio: float | None, fp8: bool) -> list[str]:
    """What was said of the node, as settings."""
    given = {"depth": depth or None, "ratio": ratio, "fp8": "true" if fp8 else None}
    return [f"{node}.{name}={value}" for name, value in given.items() if value is not None]


def _start(from_: Path) -> list[str]:
    """The settings that name the model to go on from."""
    start = resolve(from_).path.resolve()
    return [f"base.start={start}", f"tokenizer.model={start}", f"forgetting.start={start}"]


def _need_no_documents(from_: Path | None, options: Mapping[str, object]) -> None:
    """Raise UsageError for what makes sense with documents of one's own only."""
    for name, given in options.items():
        if given is not None:
            raise UsageError(f"{name} is for documents of your own.", "Name them: --on FOLDER.")
    if from_ is not None and (from_ / MANIFEST).is_file():
        raise UsageError(f"{from_} is a model: on which documents is it to be trained?", "Name them: --on FOLDER.")


def _on(
    recipe: str, out: Path, settings: list[str], more: tuple[str, ...], seed: int | None, manner: TrainingManner
) -> int:
    ends = ("report", "forgetting") if recipe == "continued" else ("report",)
    return carry_out(Order(recipe, seed or 0, (*settings, *more), out, ends), manner)
