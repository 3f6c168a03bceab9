"""The plan of a scoring: its shards, in order. It lies in the work folder, so that other machines can read it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trivium.ground.atomic import read_json, write_json
from trivium.ground.config import from_json, to_json
from trivium.ground.errors import ArtifactError
from trivium.stages.corpus.config import ScoreConfig
from trivium.stages.corpus.sources.find import Source
from trivium.stages.corpus.sources.page import Page

PLAN = "plan.json"
WEB = "web"
"""The collection of real pages; those of any other were made for the purpose."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """What is done with the pages of any shard. Both functions are found by name, also in another process."""

    make: Callable[[ScoreConfig], Callable[[Page], Row]]
    """Called once in each process: loads what it needs, and gives the function from a page to its row."""
    schema: Callable[[], Any]
    """The Arrow schema of the rows. What a row lacks is null where it may be, and "" elsewhere."""
    lost: Callable[[Page, str], Row]
    """The row of a page that its worker did not survive, with the reason."""


@dataclass(frozen=True)
class Shard:
    """One source, read on its own."""

    number: int
    source: Source
    collection: str
    """The `source` column of its rows."""
    most: int
    """So many documents at most; 0 means all."""
    stamps: tuple[tuple[int, int] | None, ...]
    """Size and time of change (ns) of each file when the plan was made; None for one that was not there."""

    def check(self) -> None:
        """Raise ArtifactError when a file has changed since the plan was made: its parts would not fit together."""
        for path, stamp in zip(self.source.files, self.stamps, strict=True):
            if stamp is not None and _stamp(path) != stamp:
                raise ArtifactError(f"{path} has changed since this work was planned.", "Begin with the first command.")


@dataclass(frozen=True)
class Plan:
    """All shards of one scoring, and the folder of their parts."""

    folder: Path
    config: ScoreConfig
    shards: tuple[Shard, ...]

    def parts(self, shard: Shard) -> Path:
        """The folder of a shard's parts."""
        return self.folder / f"shard-{shard.number:06d}"


def lay_out(folder: Path, config: ScoreConfig, sources: Sequence[tuple[Source, str, int]]) -> Plan:
    """The plan for sources, their collections and most documents; written into `folder`, which is named after the
    artifact's id, so that no other config and no other input finds these parts.
    """
    shards = [
        Shard(number, source, collection, most, tuple(_stamp(path) for path in source.files))
        for number, (source, collection, most) in enumerate(sources)
    ]
    plan = Plan(Path(os.path.abspath(folder)), config, tuple(shards))
    write_json(folder / PLAN, {"config": to_json(config), "shards": [_shard_to_json(shard) for shard in shards]})
    return plan


def read_plan(folder: Path) -> Plan:
    """The plan that lies in a folder. Raises ArtifactError where there is none."""
    try:
        found = read_json(folder / PLAN)
        shards = tuple(_shard_from_json(number, entry) for number, entry in enumerate(found["shards"]))
        return Plan(folder, from_json(ScoreConfig, found["config"]), shards)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{folder} holds no plan ({error}).", "Begin with `trivium corpus --executor slurm`."
        ) from error


def _shard_to_json(shard: Shard) -> dict[str, Any]:
    source = shard.source
    return {
        "name": source.name,
        "format": source.format,
        "root": os.path.abspath(source.root),
        "files": [os.path.abspath(path) for path in source.files],
        "remote": source.remote,
        "version": source.version,
        "collection": shard.collection,
        "most": shard.most,
        "stamps": [stamp and list(stamp) for stamp in shard.stamps],
    }


def _shard_from_json(number: int, entry: dict[str, Any]) -> Shard:
    files = tuple(Path(path) for path in entry["files"])
    source = Source(entry["name"], entry["format"], Path(entry["root"]), files, entry["remote"], entry["version"])
    stamps = tuple(None if stamp is None else (int(stamp[0]), int(stamp[1])) for stamp in entry["stamps"])
    return Shard(number, source, entry["collection"], entry["most"], stamps)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
