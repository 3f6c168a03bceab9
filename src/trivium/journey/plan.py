"""What a run would do: for each node the id of its artifact, where it goes, and whether it is there already.

An id needs only config and parents' ids, so a plan is exact before anything has run.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of
from trivium.ground.config import digest, to_json
from trivium.ground.errors import ArtifactError
from trivium.journey.graph import Journey, Node, load
from trivium.journey.record import Entry, Record, read_record

State = Literal["up to date", "to continue", "to run", "damaged"]


@dataclass(frozen=True)
class Step:
    """One node of a plan."""

    node: Node
    entry: Entry
    """What `journey.json` will say about it."""
    folder: Path
    state: State
    artifact: Artifact
    """The sealed artifact when up to date; otherwise a promise of it, with the id and the folder it will have."""
    damage: str = ""


def plan(journey: Journey, out: Path) -> list[Step]:
    """All steps of a journey in order, as they stand in the run folder `out`. Writes nothing."""
    record = read_record(out)
    steps: dict[str, Step] = {}
    for node in journey.order():
        inputs = {name: steps[parent].artifact for name, parent in node.inputs.items()}
        steps[node.name] = look(node, inputs, record)
    return list(steps.values())


def look(node: Node, inputs: Mapping[str, Artifact], record: Record) -> Step:
    """The step of one node, whose inputs may be sealed artifacts or promises of them."""
    asked = _asked(node, inputs)
    entry = record.entries.get(node.name)
    if entry is None or not entry.asked or entry.asked != asked:
        entry = _ask(node, inputs, asked)
    folder = record.out / entry.folder
    state: State = "to continue" if work_of(folder).exists() else "to run"
    promise = Artifact(folder, entry.kind, entry.id, {}, {"files": {}, "config": to_json(node.config)})
    try:
        artifact = open_artifact(folder)
    except ArtifactError as error:
        state = "damaged" if folder.exists() else state
        return Step(node, entry, folder, state, promise, error.what if state == "damaged" else "")
    if artifact.id != entry.id:  # the first eight digits agree and the rest does not
        return Step(node, entry, folder, "damaged", promise, f"{folder} is another artifact.")
    return Step(node, entry, folder, "up to date", artifact)


def work_of(folder: Path) -> Path:
    """Where a stage keeps what it needs to continue, until its artifact `folder` is sealed."""
    return folder.with_name(folder.name + ".work")


def _ask(node: Node, inputs: Mapping[str, Artifact], asked: str) -> Entry:
    """The entry that the stage's own `label_of` gives; this imports the stage."""
    label: Label = load(node.label_entry)(node.config, inputs)
    return Entry(f"{node.name}-{label.id[:8]}", label.id, label.kind, "" if label.fingerprints else asked)


def _asked(node: Node, inputs: Mapping[str, Artifact]) -> str:
    """A hash of all that decides the id of a stage without outside inputs, the source of `label_of` included."""
    label_module, config_module = node.label_entry.partition(":")[0], type(node.config).__module__
    sources = [_source_hash(module) for module in (label_module, config_module)]
    return digest([node.name, node.label_entry, to_json(node.config), parents_of(inputs), sources])


def _source_hash(module: str) -> str:
    """The sha256 of a module's source, found without importing the module itself; empty when it has none."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return ""
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return ""
    return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()
