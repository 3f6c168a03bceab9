"""What a run folder remembers: `journey.json` (node -> folder and id) and `timings.json` (node -> seconds).

`journey.json` is rewritten whole and atomically after each seal; it never mixes artifacts of different settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trivium.ground.artifact import MANIFEST, Artifact, open_artifact
from trivium.ground.atomic import read_json, write_json
from trivium.ground.errors import ArtifactError
from trivium.journey.graph import unknown

JOURNEY = "journey.json"
TIMINGS = "timings.json"
SCHEMA = 1


@dataclass(frozen=True)
class Entry:
    """One sealed node of a run."""

    folder: str
    """Folder name inside the run folder."""
    id: str
    kind: str
    asked: str
    """Hash of all that decided the id, empty when outside inputs did too: equal hash, equal id, nothing to import."""


@dataclass
class Record:
    """The state of `journey.json` and `timings.json` of one run folder."""

    out: Path
    about: dict[str, Any] = field(default_factory=dict)
    """Recipe, seed and overrides, so that a single stage can go on from here with the same settings."""
    entries: dict[str, Entry] = field(default_factory=dict)
    timings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def save(self) -> None:
        """Write `journey.json`."""
        nodes = {name: vars(entry) for name, entry in self.entries.items()}
        value = {"schema": SCHEMA, "about": self.about, "order": list(self.entries), "nodes": nodes}
        write_json(self.out / JOURNEY, value)

    def spend(self, node: str, id: str, seconds: float) -> None:
        """Add wall time to a node; time spent on an earlier artifact of that node is forgotten."""
        before = self.timings.get(node, {})
        spent = float(before["seconds"]) if before.get("id") == id else 0.0
        self.timings[node] = {"id": id, "seconds": round(spent + seconds, 3)}
        write_json(self.out / TIMINGS, self.timings)

    def seconds(self, node: str, id: str | None = None) -> float | None:
        """The wall time of a node, over all sittings; None when it is not known (for this artifact)."""
        known = self.timings.get(node, {})
        return float(known["seconds"]) if known and id in (None, known.get("id")) else None


def read_record(out: Path) -> Record:
    """The record of a run folder; an empty one where nothing was run. Raises ArtifactError when it is damaged."""
    record = Record(out)
    try:
        if (out / JOURNEY).is_file():
            value = read_json(out / JOURNEY)
            record.about = dict(value["about"])
            record.entries = {name: Entry(**value["nodes"][name]) for name in value["order"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{out / JOURNEY} cannot be read: {error}.", "Remove it: sealed stages stay usable."
        ) from error
    try:
        record.timings = dict(read_json(out / TIMINGS)) if (out / TIMINGS).is_file() else {}
    except ValueError:
        record.timings = {}  # only a ledger: never a reason to stop
    return record


def open_node(out: Path, name: str, kind: str | None = None) -> Artifact:
    """The artifact that node `name` of a run folder sealed. Raises UsageError (did-you-mean) and ArtifactError."""
    record = need_record(out)
    if name not in record.entries:
        raise unknown("sealed stage", name, list(record.entries))
    return open_artifact(out / record.entries[name].folder, kind)


def need_record(out: Path) -> Record:
    """The record of a folder that must be a run. Raises ArtifactError."""
    if not (out / JOURNEY).is_file():
        raise ArtifactError(f"{out} is not a run: it has no {JOURNEY}.", "Give the --out folder of `trivium run`.")
    return read_record(out)


def resolve(path: Path, stage: str | None = None) -> Artifact:
    """The model that a path means: a sealed model folder itself, or a run folder and one of its stages.

    Without `stage`, a run gives its last model. Raises ArtifactError and UsageError, naming what there is.
    """
    if (path / MANIFEST).is_file():
        return open_artifact(path, "model")
    if stage is not None:
        return open_node(path, stage, "model")
    models = [entry for entry in need_record(path).entries.values() if entry.kind == "model"]
    if not models:
        raise ArtifactError(f"{path} holds no model yet.", "Run on until `base` is sealed, or give a model's folder.")
    return open_artifact(path / models[-1].folder, "model")


def manifests(out: Path) -> Mapping[str, Artifact]:
    """Id -> artifact, of all sealed folders directly in `out` that can be read."""
    found = {}
    for path in sorted(out.iterdir()) if out.is_dir() else ():
        if (path / MANIFEST).is_file() and ".tmp-" not in path.name and ".old-" not in path.name:
            try:
                artifact = open_artifact(path)
            except ArtifactError:
                continue
            found[artifact.id] = artifact
    return found
