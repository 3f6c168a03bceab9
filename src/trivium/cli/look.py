"""`trivium lineage`, `verify`, `clean` and `index`: looking after what runs leave on disk, and into documents."""

from __future__ import annotations

import json as json_module
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from trivium.ground.errors import ArtifactError, UsageError
from trivium.ground.lock import locked
from trivium.journey import inspect

FLAG = Parameter(negative=())
index = App(name="index", help="Index documents of one's own, and search them.", help_format="plaintext")


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


@index.default
def build(*paths: Path, out: Path = Path("runs/index"), json: Annotated[bool, FLAG] = False) -> int:
    """Index documents, for `trivium index search`, `trivium chat --tools search=FOLDER` and the server.

    Parameters
    ----------
    paths
        A run folder, a `selected` artifact, or folders and files of text, Markdown, HTML, JSON lines or Parquet.
    out
        The index's folder.
    json
        Print JSON.
    """
    from trivium.ground.how import How
    from trivium.index.build import IndexConfig
    from trivium.index.build import build as build_index
    from trivium.journey.record import JOURNEY, open_node

    if not paths:
        raise UsageError("No documents are given.", "`trivium index FOLDER --out INDEX`; see `trivium index --help`.")
    places = [open_node(path, "selected").path if (path / JOURNEY).is_file() else path for path in paths]
    facts = build_index(IndexConfig(), places, out, How(progress=not json)).manifest["facts"]
    print(json_module.dumps(facts) if json else f"{facts['documents']:,} documents → {out}")
    return 0


@index.command
def search(folder: Path, query: str, /, *, most: int = 5, json: Annotated[bool, FLAG] = False) -> int:
    """Search an index by words (BM25).

    Parameters
    ----------
    folder
        A folder that `trivium index` made.
    query
        Words to look for.
    most
        How many documents to show.
    json
        Print JSON.
    """
    from trivium.cli.talk import printable
    from trivium.index.search import Searcher

    hits = Searcher(folder).search(query, most)
    if json:
        print(json_module.dumps([asdict(hit) for hit in hits], indent=1, ensure_ascii=False))
        return 0
    for hit in hits:
        print(printable(f"{hit.score:7.2f}  [{hit.id}] {hit.title}{' · ' + hit.url if hit.url else ''}"))
        print(printable(f"         {hit.snippet}"))
    print("" if hits else "Nothing was found.", end="" if hits else "\n")
    return 0


@index.command(name="open")
def open_document(folder: Path, id: str, /, *, page: int = 1) -> int:
    """Print a document of an index, a page at a time.

    Parameters
    ----------
    folder
        A folder that `trivium index` made.
    id
        The document's id, as search shows it.
    page
        Which page; the first is 1.
    """
    from trivium.cli.talk import printable
    from trivium.index.search import Searcher

    found = Searcher(folder).open(id, page)
    print(printable(f"[{found.id}] {found.title} · page {found.page} of {found.pages}\n{found.text}"))
    return 0
