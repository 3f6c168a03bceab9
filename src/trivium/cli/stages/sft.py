"""`trivium sft`: the assistant of a run, or any model taught conversations of one's own or by a guideline."""

from __future__ import annotations

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


def sft(
    model: Path | None = None,
    /,
    *,
    data: Annotated[tuple[str, ...], MANY] = (),
    guideline: Annotated[tuple[str, ...], MANY] = (),
    against: Annotated[tuple[str, ...], MANY] = (),
    facts: Annotated[tuple[str, ...], MANY] = (),
    lora: int = 0,
    stage: str | None = None,
    out: Path | None = None,
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    node: str = "sft",
    recipe: str | None = None,
    seed: int | None = None,
    set: SETTINGS = (),
    manner: TrainingManner = TrainingManner(),
) -> int:
    """Teach a model conversations: those of a run's recipe, your own files of them, or a guideline's.

    trivium sft --from runs/nano · trivium sft MODEL --data A.jsonl:0.5 B.jsonl --lora 16 --out runs/mine ·
    trivium sft runs/nano --guideline engineer teacher --out runs/two (and how the two differ is measured).

    Parameters
    ----------
    model
        A model's folder, or a run: of a run its base model is taught, or the one that --stage names.
    data
        Files of conversations (JSONL, .gz, .zst, Parquet), each as PATH or PATH:WEIGHT: passes an epoch.
    guideline
        One or two Markdown files that say who an assistant is, or bundled ones: engineer, teacher.
    against
        With --data: files of evaluations; conversations that share a run of words with one are left out.
    facts
        With --guideline: where true answers come from: questions and answers, documents, a sealed town.
    lora
        Learn adapters of this rank, not all weights; 0 for all weights.
    stage
        Which model of a run is taught.
    out
        The run folder; runs/taught, runs/guided or runs/contrast by default.
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
    if not data and not guideline:
        _need_nothing(model, {"--against": against, "--facts": facts, "--lora": lora, "--stage": stage, "--out": out})
        return stage_command("sft", "sft")(
            from_=from_ or RUN, node=node, recipe=recipe, seed=seed, set=set, manner=manner
        )
    if model is None or from_ is not None or recipe is not None:
        raise UsageError("Which model is to be taught?", "Name it first: trivium sft MODEL --data FILE.jsonl.")
    start = f"{taught_model(model, stage).path.resolve()}"
    name, settings = _of_files(data, against, start) if data else _of_guidelines(guideline, facts, start)
    if data and (guideline or facts):
        raise UsageError("--data and --guideline are two ways.", "Write the guideline's conversations, then use both.")
    settings += [f"sft.lora.rank={lora}"] if lora else []
    order = Order(name, seed or 0, (*settings, *set), out or Path("runs") / name)
    return carry_out(order, manner)


def taught_model(path: Path, stage: str | None) -> Artifact:
    """The model that a path means here: itself, or of a run the stage that was named, its base, or its last model."""
    if stage is None and not (path / MANIFEST).is_file() and "base" in read_record(path).entries:
        return open_node(path, "base", "model")
    return resolve(path, stage)


def _need_nothing(model: Path | None, options: dict[str, object]) -> None:
    """Raise UsageError for what makes sense with conversations of one's own only."""
    mend = "Name them: --data FILE.jsonl, or --guideline FILE.md."
    if model is not None:
        raise UsageError(f"What is {model} to be taught?", mend)
    for name, given in options.items():
        if given:
            raise UsageError(f"{name} is for conversations of your own.", mend)


def _of_files(data: tuple[str, ...], against: tuple[str, ...], start: str) -> tuple[str, list[str]]:
    tests = [f"conversations.test_sets={dumps(against)}"] if against else []
    return "taught", [f"conversations.data={dumps(data)}", f"sft.start={start}", *tests]


def _of_guidelines(guideline: tuple[str, ...], facts: tuple[str, ...], start: str) -> tuple[str, list[str]]:
    if len(guideline) > MOST_GUIDELINES:
        raise UsageError(f"{len(guideline)} guidelines.", "One makes an assistant, two make two that are compared.")
    endings = ("",) if len(guideline) == 1 else ("-a", "-b")
    settings = [f"manners.guidelines={dumps(guideline)}"]
    for ending, name in zip(endings, guideline, strict=True):
        settings += [f"conversations{ending}.guideline={name}", f"sft{ending}.start={start}"]
        settings += [f"conversations{ending}.facts={dumps(facts)}"] if facts else []
    return "contrast" if len(guideline) > 1 else "guided", settings
