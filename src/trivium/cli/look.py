"""`trivium lineage`, `verify` and `clean`: looking after what runs leave on disk."""

from __future__ import annotations

import json as json_module
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trivium.ground.errors import ArtifactError, UsageError
from trivium.ground.lock import locked
from trivium.journey import inspect

FLAG = Parameter(negative=())


def lineage(path: Path, /, *, json: Annotated[bool, FLAG] = False) -> int:
    """Show what an artifact or a run comes from: each artifact with its id and its parents, parents first.

    Parameters
    ----------
    path
        A sealed artifact or a run folder.
    json
        Print JSON.
    """
    kin = inspect.lineage(path)
    if json:
        print(json_module.dumps([asdict(line) for line in kin], indent=1))
        return 0
    width = max(len(line.name) for line in kin)
    names = {line.id: line.name for line in kin}
    for line in kin:
        parents = ", ".join(dict.fromkeys(names[id] for _, id in line.parents))
        print(f"{line.name:<{width}}  {line.kind:<10} {line.id}" + (f"  ← {parents}" if parents else ""))
    return 0


def verify(path: Path, /) -> int:
    """Check every byte of an artifact, or of all sealed stages of a run, against the hashes in its manifest.

    Parameters
    ----------
    path
        A sealed artifact or a run folder.
    """
    whole, damage = inspect.verify(path)
    for name in whole:
        print(f"whole    {name}")
    for line in damage:
        print(f"damaged  {line}")
    if damage:
        mend = "`trivium run` with the same --out makes what is damaged again."
        raise ArtifactError(f"{path}: {len(damage)} damaged, {len(whole)} whole. First: {damage[0]}", mend)
    return 0


def clean(
    out: Path = Path("runs/nano"),
    /,
    *,
    yes: Annotated[bool, FLAG] = False,
    dry_run: Annotated[bool, FLAG] = False,
) -> int:
    """Remove artifacts of a run that its journey.json does not refer to, with their unfinished work.

    Parameters
    ----------
    out
        The run folder.
    yes
        Do not ask.
    dry_run
        Show what would go and remove nothing.
    """
    inspect.leftovers(out)  # an error for what is no run, before a lock file is made there
    with locked(out):
        paths = inspect.leftovers(out)
        if not paths:
            print("Nothing to remove.")
            return 0
        for path in paths:
            print(f"{inspect.size_of(path) / 1e6:>9,.1f} MB  {path}")
        if dry_run:
            return 0
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError("Nobody is here to be asked.", "Give --yes.")
            if input(f"Remove these {len(paths)} folders? [y/N] ").strip().lower() not in ("y", "yes"):
                return 0
        inspect.remove(paths)
    print(f"Removed {len(paths)}.")
    return 0
