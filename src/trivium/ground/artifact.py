"""Sealed artifacts: folders that are either whole and provable, or not there.

A stage writes into a temporary neighbour; every file is hashed; `manifest.json` (kind, id, parents, config, code
version, sizes and sha256 of the files, and a hash of the manifest itself) is written last; then fsync and one rename.
Readers accept sealed folders only. An artifact's id is its meaning: stage, format version, config, parents' ids and
fingerprints of outside inputs.

Names beside an artifact `x`: `x.tmp-<process>` is being written, `x.old-<process>` is what `x` was until the next
rename. When the process is dead, the first is rubbish and the second comes back if `x` is missing (`recover`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trivium
from trivium.ground.alive import alive, mark
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
def sealing(
    out: Path, label: Label, facts: Mapping[str, Any] | None = None, known: Mapping[str, str] | None = None
) -> Iterator[Path]:
    """A folder to write into, sealed as `out` when the block ends well and removed when it raises.

    `facts` (small figures for people and reports) go into the manifest and may be filled inside the block; so may
    `known`, the sha256 of files that were hashed as they were written.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    recover(out)
    temporary = unsealed(out, mark())
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        _write_manifest(temporary, label, facts or {}, known or {})
        _put(temporary, out)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def unsealed(out: Path, writer: str) -> Path:
    """Where the process with this mark writes what is to become `out`."""
    return out.with_name(f"{out.name}.tmp-{writer}")


def _put(temporary: Path, out: Path) -> None:
    """Rename `temporary` to `out`; an earlier `out` steps aside first and is removed only when the new one is in."""
    aside = out.with_name(f"{out.name}.old-{mark()}")
    if out.exists():
        os.replace(out, aside)
    try:
        os.replace(temporary, out)
    except BaseException:
        if aside.exists():
            os.replace(aside, out)
        raise
    fsync_path(out.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _write_manifest(folder: Path, label: Label, facts: Mapping[str, Any], known: Mapping[str, str]) -> None:
    files = {}
    for path in sorted(folder.rglob("*")):
        fsync_path(path)
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            files[name] = {"bytes": path.stat().st_size, "sha256": known.get(name) or hash_file(path)}
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
    write_json(folder / MANIFEST, manifest | {"seal": seal_of(manifest)})
    fsync_path(folder)


def seal_of(manifest: Mapping[str, Any]) -> str:
    """The hash that a manifest carries of all its other entries."""
    return digest({key: value for key, value in manifest.items() if key != "seal"}, 64)


def open_artifact(path: Path, kind: str | None = None, hashes: bool = False) -> Artifact:
    """The artifact at `path`, after its files were checked: sizes always, sha256 when `hashes`.

    Raises ArtifactError, naming the damage: missing folder, not sealed, wrong kind, a file short or changed.
    """
    if not path.is_dir():
        recover(path)
    if not path.is_dir():
        raise ArtifactError(f"{path} is not a folder.", "Give the path of a sealed artifact.")
    if not (path / MANIFEST).is_file():
        raise ArtifactError(f"{path} is not sealed: it has no {MANIFEST}.", "Run the stage that makes it again.")
    try:
        manifest = read_json(path / MANIFEST)
        if manifest["seal"] != seal_of(manifest):
            raise ValueError("it was changed after it was sealed")
        found = str(manifest["kind"])
        artifact = Artifact(path, found, str(manifest["id"]), manifest["parents"], manifest)
        listed = {name: (entry["bytes"], entry["sha256"]) for name, entry in manifest["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ArtifactError(f"{path / MANIFEST} cannot be read ({reason}).", "Run the stage again.") from error
    if kind is not None and found != kind:
        raise ArtifactError(f"{path} is a {found!r} artifact, not {kind!r}.", "Give the folder of the other stage.")
    for name, (size, sha256) in listed.items():
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise ArtifactError(f"{path / MANIFEST} lists {name!r}, outside its folder.", "Do not trust this folder.")
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


def recover(out: Path) -> None:
    """Tidy what dead processes left beside `out`: half-written folders go, and an `out` caught aside comes back."""
    leftovers = []
    for name in os.listdir(out.parent) if out.parent.is_dir() else ():
        for sign in (".tmp-", ".old-"):
            writer = name.removeprefix(out.name + sign)
            if writer != name and (writer == mark() or not alive(writer)):
                leftovers.append((sign, out.with_name(name)))
    for sign, path in leftovers:
        if sign == ".old-" and not out.exists():
            os.replace(path, out)
        else:
            shutil.rmtree(path, ignore_errors=True)


def newest_valid(folder: Path, pattern: str = "step-*", kind: str | None = None) -> Artifact | None:
    """The newest artifact below `folder` that is whole, hashes included; None when nothing was ever saved.

    Newest by the numbers in the names: step-20 is newer than step-9. Damaged ones go to `quarantine/`, loudly.
    Raises ArtifactError when something was saved and all of it is damaged: never a silent start from scratch.
    """
    quarantine = folder / "quarantine"
    for sign in (".tmp-", ".old-"):
        for leftover in folder.glob(pattern + sign + "*"):
            recover(leftover.with_name(leftover.name.rpartition(sign)[0]))
    candidates = [p for p in folder.glob(pattern) if p != quarantine and not re.search(r"\.(tmp|old)-", p.name)]
    for path in sorted(candidates, key=_age, reverse=True):
        try:
            artifact = open_artifact(path, hashes=True)
        except ArtifactError as error:
            print(f"warning: {error.what} It goes to {quarantine}.", file=sys.stderr, flush=True)
            quarantine.mkdir(exist_ok=True)
            shutil.rmtree(quarantine / path.name, ignore_errors=True)
            os.replace(path, quarantine / path.name)
            continue
        if kind is not None and artifact.kind != kind:
            raise ArtifactError(f"{path} is a {artifact.kind!r} artifact, not {kind!r}.", "Give the other folder.")
        return artifact
    if any(quarantine.glob(pattern)):
        raise ArtifactError(
            f"All saved states in {folder} are damaged; they are in {quarantine}.",
            f"Remove {folder} to start this stage from scratch.",
        )
    return None


def _age(path: Path) -> list[tuple[int, str]]:
    parts: list[str] = re.findall(r"\d+|\D+", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
