"""`trivium sft`: the assistant of a run, or any model taught conversations of one's own."""

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


def sft(
    model: Path | None = None,
    /,
    *,
    data: Annotated[tuple[str, ...], MANY] = (),
    against: Annotated[tuple[str, ...], MANY] = (),
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
    """Teach a model conversations: those of a run's recipe, or your own files of them.

    trivium sft --from runs/nano · trivium sft runs/nano --data A.jsonl:0.5 B.jsonl --out runs/mine ·
    trivium sft IMPORTED --data A.jsonl --lora 16 --out runs/mine.

    Parameters
    ----------
    model
        A model's folder, or a run: of a run its base model is taught, or the one that --stage names.
    data
        Files of OpenAI-style conversations (JSONL, .gz, .zst, Parquet), each as PATH or PATH:WEIGHT, the weight being
        how many times an epoch reads it.
    against
        Files of evaluations: conversations that share a run of words with one are left out.
    lora
        Learn adapters of this rank, not all weights; 0 for all weights.
    stage
        Which model of a run is taught.
    out
        The run folder for conversations of your own; runs/taught by default.
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
    if not data:
        if model is not None:
            raise UsageError(f"What is {model} to be taught?", "Name conversations: --data FILE.jsonl.")
        for name, given in (("--against", against), ("--lora", lora), ("--stage", stage), ("--out", out)):
            if given:
                raise UsageError(f"{name} is for conversations of your own.", "Name them: --data FILE.jsonl.")
        return stage_command("sft", "sft")(
            from_=from_ or RUN, node=node, recipe=recipe, seed=seed, set=set, manner=manner
        )
    if model is None or from_ is not None or recipe is not None:
        raise UsageError("Which model is to be taught?", "Name it first: trivium sft MODEL --data FILE.jsonl.")
    start = taught_model(model, stage).path.resolve()
    settings = [f"conversations.data={dumps(data)}", f"sft.start={start}"]
    settings += [f"conversations.test_sets={dumps(against)}"] if against else []
    settings += [f"sft.lora.rank={lora}"] if lora else []
    order = Order("taught", seed or 0, (*settings, *set), out or Path("runs/taught"))
    return carry_out(order, manner)


def taught_model(path: Path, stage: str | None) -> Artifact:
    """The model that a path means here: itself, or of a run the stage that was named, its base, or its last model."""
    if stage is None and not (path / MANIFEST).is_file() and "base" in read_record(path).entries:
        return open_node(path, "base", "model")
    return resolve(path, stage)
