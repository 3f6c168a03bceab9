"""An experiment in pieces: each is kept when it is done, and those that do not need each other run side by side.

A piece is a pure function of the ground and of the pieces that it needs, so whoever makes it, in whatever order, makes
the same (on a GPU to the last bits). The same command goes on with the pieces that are missing.
"""

from __future__ import annotations

import multiprocessing
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from trivium.bench.preferences.ground import Ground, OverConfig, begin
from trivium.ground.atomic import read_json, write_json
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.signals import listening

PATIENCE = 0.5
"""Seconds without news after which the caller looks whether it was asked to stop."""


class Kept:
    """The values of pieces, a file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Where the piece is, or will be."""
        return self.folder / f"{name.replace(' ', '-')}.json"

    def __contains__(self, name: str) -> bool:
        return self.path(name).exists()

    def __getitem__(self, name: str) -> Any:
        return read_json(self.path(name))["value"]

    def seconds(self, name: str) -> float:
        """How long it took."""
        return float(read_json(self.path(name))["seconds"])

    def keep(self, name: str, value: Any, seconds: float) -> None:
        """Write it, whole or not at all."""
        write_json(self.path(name), {"seconds": round(seconds, 2), "value": value})


@dataclass(frozen=True)
class Piece:
    """What makes a piece of the ground and of earlier pieces, and which of those it needs."""

    make: Callable[[Ground, Kept], Any]
    needs: tuple[str, ...] = ()


Plan = Mapping[str, Piece]


@dataclass(frozen=True)
class Site:
    """All that a process must know to stand on the same ground."""

    config: OverConfig
    model: Path | None
    gold: Path | None
    work: Path
    how: How
    plan: Callable[[OverConfig], Plan]
    """A function at the top of a module: other processes find it by name."""

    def ground(self) -> Ground:
        """The ground, opened (and its policy made where it is missing)."""
        return begin(self.config, self.model, self.gold, self.work, self.how)

    @property
    def kept(self) -> Kept:
        """What is done."""
        return Kept(self.work / "pieces")


def gather(site: Site, jobs: int = 1) -> Kept:
    """Make every piece of the plan that is missing, up to `jobs` at a time in processes of their own.

    A piece that fails stops only those that need it. Raises UsageError at the end for those that failed, Stopped when
    asked to stop.
    """
    kept, plan = site.kept, site.plan(site.config)
    if all(name in kept for name in plan):
        return kept
    with listening(site.how.stop):
        ground = site.ground()
        if jobs > 1:
            return _side_by_side(replace(site, how=replace(site.how, progress=False)), jobs)
        for name, piece in plan.items():
            if name not in kept:
                _make(ground, kept, name, piece)
                site.how.stop.check(f"with {sum(name in kept for name in plan)} of {len(plan)} pieces done")
    return kept


def _make(ground: Ground, kept: Kept, name: str, piece: Piece) -> None:
    begun = time.perf_counter()
    kept.keep(name, piece.make(ground, kept), time.perf_counter() - begun)


def _side_by_side(site: Site, jobs: int) -> Kept:
    kept, plan = site.kept, site.plan(site.config)
    context = multiprocessing.get_context("spawn")  # a forked child cannot use a GPU
    waiting = [name for name in plan if name not in kept]
    busy: dict[int, tuple[str, Any]] = {}
    failed: list[str] = []
    begun = time.perf_counter()
    try:
        while True:
            ready = [name for name in waiting if all(need in kept for need in plan[name].needs)]
            for name in ready[: jobs - len(busy)]:
                process = context.Process(target=child, args=(site, name), daemon=True)
                process.start()
                waiting.remove(name)
                busy[process.sentinel] = (name, process)
            if not busy:
                break
            for sentinel in wait(list(busy), PATIENCE):
                assert isinstance(sentinel, int)
                name, process = busy.pop(sentinel)
                process.join()
                word = f"done, {kept.seconds(name):.1f} s" if name in kept else f"failed (exit {process.exitcode})"
                print(f"{time.perf_counter() - begun:6.1f} s  {name}: {word}", flush=True)
                failed += [name] if name not in kept else []
            site.how.stop.check(f"with {sum(name in kept for name in plan)} of {len(plan)} pieces done")
    finally:
        for _, process in busy.values():
            process.terminate()
            process.join()
    if failed:
        raise UsageError(
            f"These pieces failed: {', '.join(failed)}" + (f"; not begun: {', '.join(waiting)}." if waiting else "."),
            f"Their errors are in {site.work / 'errors'}; the same command tries them again.",
        )
    return kept


def child(site: Site, name: str) -> None:
    """Make one piece in a process of its own; its error, if any, goes to a file."""
    told = site.work / "errors" / f"{name.replace(' ', '-')}.txt"
    told.unlink(missing_ok=True)
    try:
        _make(site.ground(), site.kept, name, site.plan(site.config)[name])
    except Exception as error:
        told.parent.mkdir(parents=True, exist_ok=True)
        told.write_text(traceback.format_exc(), encoding="utf-8")
        raise SystemExit(1) from error
