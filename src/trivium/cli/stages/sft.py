"""`trivium sft`: the assistant of a run, or any model taught conversations of one's own or by a guideline."""

from __future__ import annotations

from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trivium.cli.run import SETTINGS, Order, TrainingManner, carry_out, stage_command
from trivium.ground.artifact import MANIFEST, Artifact
from trivium.ground.errors import UsageError
from trivium.journey.record import open_node, read_record, resolve

RUN = Path("runs/nano")
MANY = Parameter(negative=(), consume_multiple=True)
MOST_GUIDELINES = 2


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Own:
    """Conversations of one's own, and who learns them."""

    data: Annotated[tuple[str, ...], MANY] = ()
    """Files of conversations (JSONL, .gz, .zst, Parquet), each as PATH or PATH:WEIGHT: passes an epoch."""
    guideline: Annotated[tuple[str, ...], MANY] = ()
    """One or two Markdown files that say who an assistant is, or bundled ones: engineer, teacher."""
    against: Annotated[tuple[str, ...], MANY] = ()
    """With --data: files of evaluations; conversations that share a run of words with one are left out."""
    facts: Annotated[tuple[str, ...], MANY] = ()
    """With --guideline: where true answers come from: questions and answers, documents, a sealed town."""
    lora: int = 0
    """Learn adapters of this rank, not all weights; 0 for all weights."""
    stage: str | None = None
    """Which model of a run is taught; its base model by default."""
    out: Path | None = None
    """The run folder; runs/taught, runs/guided or runs/contrast by default."""


def sft(
    model: Path | None = None,
    /,
    *,
    own: Own = Own(),
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    node: str = "sft",
    recipe: str | None = None,
    seed: int | None = None,
    set: SETTINGS = (),
    manner: TrainingManner = TrainingManner(),
) -> int:
    """Teach a model conversations: those of a run's recipe, or your own files of them.

    trivium sft --from runs/nano · trivium sft MODEL --data A.jsonl:0.5 B.jsonl --lora 16 --out runs/mine ·
    trivium sft runs/nano --guideline engineer teacher --out runs/two (and how the two differ is measured).

    Parameters
    ----------
    model
        A model's folder, or a run: of a run its base model is taught, or the one that --stage names.
    own
        What is taught.
    from_
        The run folder of a recipe with an sft stage. Its recipe, seed and settings are used again.
    node
        Which of the run's SFT nodes.
    recipe
        The recipe, where the folder does not know one; nano by default.
    seed
        Another seed than the folder's.
    set
        A config field, as <stage>.<field>=<value>; `--<stage>.<field> <value>` is the same. May be repeated.
    manner
        How it is carried out.
    """
    if not own.data and not own.guideline:
        _need_nothing(model, own)
        return stage_command("sft", "sft")(
            from_=from_ or RUN, node=node, recipe=recipe, seed=seed, set=set, manner=manner
        )
    if model is None or from_ is not None or recipe is not None:
        raise UsageError("Which model is to be taught?", "Name it first: trivium sft MODEL --data FILE.jsonl.")
    if own.data and (own.guideline or own.facts):
        raise UsageError("--data and --guideline are two ways.", "Teach one, and then the other to what came out.")
    if own.against and not own.data:
        raise UsageError("--against is for files of conversations.", "Name them: --data FILE.jsonl.")
    start = f"{taught_model(model, own.stage).path.resolve()}"
    name, settings = _of_files(own, start) if own.data else _of_guidelines(own, start)
    return carry_out(Order(name, seed or 0, (*settings, *set), own.out or Path("runs") / name), manner)


def taught_model(path: Path, stage: str | None) -> Artifact:
    """The model that a path means here: itself, or of a run the stage that was named, its base, or its last model."""
    if stage is None and not (path / MANIFEST).is_file() and "base" in read_record(path).entries:
        return open_node(path, "base", "model")
    return resolve(path, stage)


def _need_nothing(model: Path | None, own: Own) -> None:
    """Raise UsageError for what makes sense with conversations of one's own only."""
    mend = "Name them: --data FILE.jsonl, or --guideline FILE.md."
    if model is not None:
        raise UsageError(f"What is {model} to be taught?", mend)
    for name, given in vars(own).items():
        if given:
            raise UsageError(f"--{name} is for conversations of your own.", mend)


def _of_files(own: Own, start: str) -> tuple[str, list[str]]:
    settings = [f"conversations.data={dumps(own.data)}", f"sft.start={start}"]
    settings += [f"conversations.test_sets={dumps(own.against)}"] if own.against else []
    return "taught", settings + ([f"sft.lora.rank={own.lora}"] if own.lora else [])


def _of_guidelines(own: Own, start: str) -> tuple[str, list[str]]:
    if len(own.guideline) > MOST_GUIDELINES:
        raise UsageError(f"{len(own.guideline)} guidelines.", "One makes an assistant, two make two that are compared.")
    endings = ("",) if len(own.guideline) == 1 else ("-a", "-b")
    settings = [f"manners.guidelines={dumps(own.guideline)}"]
    for ending, name in zip(endings, own.guideline, strict=True):
        settings += [f"conversations{ending}.guideline={name}", f"sft{ending}.start={start}"]
        settings += [f"conversations{ending}.facts={dumps(own.facts)}"] if own.facts else []
        settings += [f"sft{ending}.lora.rank={own.lora}"] if own.lora else []
    return "contrast" if len(own.guideline) > 1 else "guided", settings
