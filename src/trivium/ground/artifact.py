"""Sealed artifacts: folders that are either whole and provable, or not there.

A stage writes into a temporary neighbour; every file is hashed; `manifest.json` (kind, id, parents, config, code
version, sizes and sha256 of the files) is written last; then fsync and one rename. Readers accept sealed folders only.
An artifact's id is its meaning: stage, format version, config, parents' ids and fingerprints of outside inputs.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trivium
from trivium.ground.atomic import fsync_path, read_json, write_json
from trivium.ground.config import digest, to_json
from trivium.ground.errors import ArtifactError

MANIFEST = "manifest.json"
SCHEMA = 1


@dataclass(frozen=True)
class Artifact:
    """A sealed folder: where it is, what it is, and where it comes from."""

    path: Path
    kind: str
    id: str
    parents: Mapping[str, str] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)

    def file(self, name: str) -> Path:
        """The path of one of its files. Raises ArtifactError when the manifest does not list it."""
        if name not in self.manifest["files"]:
            known = ", ".join(sorted(self.manifest["files"]))
            raise ArtifactError(f"{self.path} holds no file {name!r}.", f"It holds: {known}.")
        return self.path / name

    def has(self, name: str) -> bool:
        """Whether the manifest lists a file of this name."""
        return name in self.manifest["files"]

    def json(self, name: str) -> Any:
        """The value of one of its JSON files."""
        return read_json(self.file(name))

    @property
    def config(self) -> dict[str, Any]:
        """The config that made it, as JSON values."""
        return dict(self.manifest["config"])


@dataclass(frozen=True)
class Label:
    """What a stage writes on the folder that it is about to seal."""

    kind: str
    stage: str
    format: int
    config: Any
    parents: Mapping[str, str] = field(default_factory=dict)
    """Input name -> id of the artifact that was read."""
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """Outside input (a folder, a file) -> hash of its content."""

    @property
    def id(self) -> str:
        """The identity: equal meaning, equal id."""
        parents = dict(self.parents)
        return digest([self.stage, self.format, to_json(self.config), parents, dict(self.fingerprints)])


def parents_of(inputs: Mapping[str, Artifact]) -> dict[str, str]:
    """Input name -> id, as a label wants it."""
    return {name: artifact.id for name, artifact in inputs.items()}


def hash_file(path: Path) -> str:
    """The sha256 of a file's bytes, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def sealing(out: Path, label: Label, facts: Mapping[str, Any] | None = None) -> Iterator[Path]:
    """A folder to write into, sealed as `out` when the block ends well and removed when it raises.

    `facts` (small figures for people and reports) go into the manifest and may be filled inside the block.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    sweep(out)
    temporary = out.with_name(f"{out.name}.tmp-{os.getpid()}")
    temporary.mkdir()
    try:
        yield temporary
        _write_manifest(temporary, label, facts or {})
        fsync_path(temporary)
        if out.exists():
            shutil.rmtree(out)
        os.replace(temporary, out)
        fsync_path(out.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _write_manifest(folder: Path, label: Label, facts: Mapping[str, Any]) -> None:
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            fsync_path(path)
            name = path.relative_to(folder).as_posix()
            files[name] = {"bytes": path.stat().st_size, "sha256": hash_file(path)}
    manifest = {
        "schema": SCHEMA,
        "kind": label.kind,
        "id": label.id,
        "stage": label.stage,
        "format": label.format,
        "config": to_json(label.config),
        "parents": dict(label.parents),
        "fingerprints": dict(label.fingerprints),
        "code": trivium.__version__,
        "facts": dict(facts),
        "files": files,
    }
    write_json(folder / MANIFEST, manifest)


def open_artifact(path: Path, kind: str | None = None, hashes: bool = False) -> Artifact:
    """The artifact at `path`, after its files were checked: sizes always, sha256 when `hashes`.

    Raises ArtifactError, naming the damage: missing folder, not sealed, wrong kind, a file short or changed.
    """
    if not path.is_dir():
        raise ArtifactError(f"{path} is not a folder.", "Give the path of a sealed artifact.")
    if not (path / MANIFEST).is_file():
        raise ArtifactError(f"{path} is not sealed: it has no {MANIFEST}.", "Run the stage that makes it again.")
    try:
        manifest = read_json(path / MANIFEST)
        found = str(manifest["kind"])
        artifact = Artifact(path, found, str(manifest["id"]), manifest["parents"], manifest)
        listed = {name: (entry["bytes"], entry["sha256"]) for name, entry in manifest["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{path / MANIFEST} cannot be read: {error}.", "Run the stage again.") from error
    if kind is not None and found != kind:
        raise ArtifactError(f"{path} is a {found!r} artifact, not {kind!r}.", "Give the folder of the other stage.")
    for name, (size, sha256) in listed.items():
        check_file(path / name, size, sha256 if hashes else None)
    return artifact


def check_file(path: Path, size: int, sha256: str | None) -> None:
    """Raise ArtifactError unless the file has this size and, when given, this hash."""
    if not path.is_file():
        raise ArtifactError(f"{path} is missing.", "Run the stage that made it again.")
    if path.stat().st_size != size:
        raise ArtifactError(f"{path} has {path.stat().st_size} bytes, not {size}.", "It was cut: run the stage again.")
    if sha256 is not None and hash_file(path) != sha256:
        raise ArtifactError(f"{path} does not have the hash in its manifest.", "It was changed: run the stage again.")


def sweep(out: Path) -> None:
    """Remove the leftovers of dead processes that were writing `out`."""
    for leftover in out.parent.glob(f"{out.name}.tmp-*"):
        pid = leftover.name.rpartition("-")[2]
        if not pid.isdigit() or int(pid) == os.getpid() or not Path(f"/proc/{pid}").exists():
            shutil.rmtree(leftover, ignore_errors=True)


def newest_valid(folder: Path, pattern: str = "step-*", kind: str | None = None) -> Artifact | None:
    """The newest artifact below `folder` (by name) that is whole, hashes included; damaged ones go to `quarantine/`.

    Raises ArtifactError when there are candidates and all are damaged: never a silent start from scratch.
    """
    candidates = sorted((p for p in folder.glob(pattern) if ".tmp-" not in p.name), reverse=True)
    damage = []
    for path in candidates:
        try:
            return open_artifact(path, kind, hashes=True)
        except ArtifactError as error:
            damage.append(str(error))
            quarantine = folder / "quarantine"
            quarantine.mkdir(exist_ok=True)
            shutil.rmtree(quarantine / path.name, ignore_errors=True)
            os.replace(path, quarantine / path.name)
    if damage:
        raise ArtifactError(f"All {len(damage)} saved states in {folder} are damaged: {damage[0]}",
                            f"They are in {folder / 'quarantine'}; remove {folder} to start this stage again.")
    return None
