"""Reading artifacts that may be missing, unfinished, or older or younger than this page: what is not there is None."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from trivium.ground.artifact import MANIFEST, Artifact, open_artifact
from trivium.ground.atomic import read_json
from trivium.ground.errors import ArtifactError
from trivium.ground.log import read_jsonl

Inputs = Mapping[str, Artifact]
UNFINISHED = "unfinished"
"""The kind of what a stage has written so far, before it is sealed."""


def gather(run: Path) -> dict[str, Artifact]:
    """All that a run folder holds, by node name: its sealed artifacts, and the work of stages that are not sealed yet.

    `journey.json` says which artifacts belong together; without one, every sealed folder counts. Damaged artifacts are
    left out. Raises ArtifactError where there is no folder.
    """
    if not run.is_dir():
        raise ArtifactError(f"{run} is not a folder.", "Give the --out folder of `trivium run`.")
    found = {}
    for name, folder in _named(run).items():
        try:
            found[name] = open_artifact(folder)
        except ArtifactError:
            continue
    works = sorted(run.glob("*.work"), key=lambda path: path.stat().st_mtime)
    newest = {path.name.removesuffix(".work").rpartition("-")[0]: path for path in works}
    begun = {name: _begun(path) for name, path in newest.items() if name and name not in found}
    return {name: artifact for name, artifact in (found | begun).items() if artifact.kind != "report"}


def _named(run: Path) -> dict[str, Path]:
    """Node -> folder of what is sealed."""
    if (run / "journey.json").is_file():
        return {name: run / entry["folder"] for name, entry in read_json(run / "journey.json")["nodes"].items()}
    sealed = [path.parent for path in sorted(run.glob(f"*-*/{MANIFEST}")) if "." not in path.parent.name]
    return {path.name.rpartition("-")[0]: path for path in sealed}


def _begun(work: Path) -> Artifact:
    """The work of a stage in the shape of an artifact, its checkpoints left out."""
    inside = ((path.relative_to(work).as_posix(), path) for path in sorted(work.rglob("*")) if path.is_file())
    files = {name: {"bytes": path.stat().st_size} for name, path in inside if not name.startswith("step-")}
    id = work.name.removesuffix(".work").rpartition("-")[2]
    return Artifact(work, UNFINISHED, id, {}, {"files": files, "config": {}, "facts": {}})


def json_of(inputs: Inputs, node: str, name: str) -> Any:
    """The value of a JSON file of a node's artifact; None when the node or the file is missing."""
    artifact = inputs.get(node)
    return artifact.json(name) if artifact is not None and artifact.has(name) else None


def lines_of(inputs: Inputs, node: str, name: str, most: int | None = None) -> list[dict[str, Any]]:
    """The first `most` records of a JSON-lines file; none when the node or the file is missing."""
    artifact = inputs.get(node)
    if artifact is None or not artifact.has(name):
        return []
    return list(islice(read_jsonl(artifact.file(name)), most))


def deep(value: Any, *keys: str) -> Any:
    """`value[a][b]...`; None where a step is missing."""
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def interval(value: Any, *keys: str) -> dict[str, Any] | None:
    """The interval below `value[a][b]...`; None when there is none, or none that an item could tell."""
    found = deep(value, *keys)
    if not isinstance(found, Mapping) or found.get("value") is None:
        return None
    return dict(found)


def series(records: list[dict[str, Any]], key: str, x: str = "step") -> list[tuple[float, float]]:
    """Points (x, key) of the records that have both."""
    return [(float(r[x]), float(r[key])) for r in records if r.get(key) is not None and r.get(x) is not None]
