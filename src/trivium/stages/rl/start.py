"""A chat model that exists, ours or imported, as the beginning of a run: a copy under the run's own roof."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from trivium.ground.artifact import MANIFEST, Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.stages.rl.config import StartConfig

STAGE, FORMAT = "start", 1


def label_of(config: StartConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal. Raises ArtifactError where no sealed model is."""
    model = {"model": open_artifact(Path(config.model), "model").id} if config.model else {}
    return Label("model", STAGE, FORMAT, {}, parents_of(inputs), fingerprints=model)


def run(config: StartConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Copy the model at `config.model` to `out` and seal it."""
    if not config.model:
        raise UsageError("No model is named.", "Give one: trivium rl MODEL --task addition:3.")
    how.stop.check("before the model was copied")
    source = open_artifact(Path(config.model), "model")
    with sealing(out, label_of(config, inputs), {"from": source.id}) as folder:
        for name in source.manifest["files"]:
            if name != MANIFEST:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source.file(name), folder / name)
    return open_artifact(out, "model")
