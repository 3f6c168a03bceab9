"""Looking at a run folder: which artifact comes from which, whether all is whole, what nobody refers to any more."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trivium.ground.alive import alive
from trivium.ground.artifact import MANIFEST, Artifact, open_artifact
from trivium.ground.errors import ArtifactError
from trivium.journey.record import JOURNEY, manifests, need_record, read_record

OURS = re.compile(r"[a-z0-9-]+-[0-9a-f]{8}(\.work|\.(tmp|old)-(?P<writer>[0-9.]+))?")


@dataclass(frozen=True)
class Kin:
    """One line of a lineage."""

    name: str
    """Folder name, or the input's name where the artifact is not in this folder."""
    id: str
    kind: str
    parents: tuple[tuple[str, str], ...]
    """(input name, id)."""


def lineage(path: Path) -> list[Kin]:
    """An artifact and all that it comes from, or a run's sealed stages: parents before children.

    Ancestors are looked for beside the artifact; one that is not there is listed with kind "elsewhere".
    """
    if (path / MANIFEST).is_file():
        wanted, out = [open_artifact(path)], path.parent
    else:
        record, out = need_record(path), path
        wanted = [open_artifact(path / entry.folder) for entry in record.entries.values()]
    known = manifests(out)
    lines: dict[str, Kin] = {}
    for artifact in wanted:
        _trace(artifact.path.name, artifact, known, lines)
    return list(lines.values())


def _trace(name: str, artifact: Artifact, known: Any, lines: dict[str, Kin]) -> None:
    if artifact.id in lines:
        return
    for parent, id in artifact.parents.items():
        if id in known:
            _trace(known[id].path.name, known[id], known, lines)
        else:
            lines.setdefault(id, Kin(parent, id, "elsewhere", ()))
    lines[artifact.id] = Kin(name, artifact.id, artifact.kind, tuple(artifact.parents.items()))


def verify(path: Path) -> tuple[list[str], list[str]]:
    """What is whole, hashes included, in one artifact or in a run, and what is wrong with the rest."""
    if (path / MANIFEST).is_file() or not (path / JOURNEY).is_file():
        folders = [path]
    else:
        folders = [path / entry.folder for entry in need_record(path).entries.values()]
    whole, damage = [], []
    ids: set[str] = set()
    for folder in folders:
        try:
            artifact = open_artifact(folder, hashes=True)
        except ArtifactError as error:
            damage.append(error.what)
            continue
        missing = [name for name, id in artifact.parents.items() if len(folders) > 1 and id not in ids]
        damage += [f"{folder}: its {name} is not in this run." for name in missing]
        ids.add(artifact.id)
        whole.append(folder.name)
    return whole, damage


def leftovers(out: Path) -> list[Path]:
    """Folders of a run that `journey.json` does not refer to: older artifacts, their work, what dead writers left.

    Only names of the form that a journey gives are ever listed. Raises ArtifactError when `out` is not a run.
    """
    need_record(out)
    kept = {entry.folder for entry in read_record(out).entries.values()}
    found = []
    for path in sorted(out.iterdir()):
        match = OURS.fullmatch(path.name)
        if match and path.is_dir() and path.name not in kept and not alive(match["writer"] or ""):
            found.append(path)
    return found


def size_of(path: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def remove(paths: list[Path]) -> None:
    """Remove folders, all that can be removed."""
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)
