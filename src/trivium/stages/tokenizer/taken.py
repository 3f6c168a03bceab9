"""The tokenizer of a model that is trained on, copied: whoever continues a model must read as it reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.stages.tokenizer.config import FORMAT, TakenConfig
from trivium.text.tokenizer import Tokenizer

STAGE = "taken"


def label_of(config: TakenConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal. Raises ArtifactError where no sealed model is."""
    model = {"model": open_artifact(Path(config.model), "model").id} if config.model else {}
    return Label("tokenizer", STAGE, FORMAT, {}, parents_of(inputs), fingerprints=model)


def run(config: TakenConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Seal the tokenizer of the model at `config.model` as an artifact of its own at `out`."""
    if not config.model:
        raise UsageError("No model is named.", "Give one: --tokenizer.model FOLDER, or trivium pretrain --from MODEL.")
    how.stop.check("before the tokenizer was taken")
    tokenizer = Tokenizer.open(Path(config.model))
    with sealing(out, label_of(config, inputs), {"vocabulary": tokenizer.size}) as folder:
        tokenizer.save(folder)
    return open_artifact(out, "tokenizer")
