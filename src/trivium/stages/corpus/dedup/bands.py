"""Bands as sorted runs of (key, document), in memory while they are small and in files when not; equal keys are edges.

A run holds each key once, with the first document that has it; the run's other documents of that key are edges at
once. So a key that half of all documents share takes no more room than another, and any range of keys of one band can
be searched alone: `edges` of a band's runs is a job of its own, for any machine that reads the files.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trivium.ground.errors import TriviumError

Array = npt.NDArray[np.uint64]
HEAD = 128
"""Bytes before the keys in a run's file, which numpy pads to this."""
SORTING = 96
"""Bytes that sorting takes for each pair of key and document, at most."""


class Group(NamedTuple):
    """What equal keys say: each key once, in order, with its first document; edges (2, m) to its other documents."""

    keys: Array
    documents: Array
    edges: Array


def grouped(keys: Array, documents: Array) -> Group:
    """Sort pairs of key and document by key. The documents come in any order, each at most once."""
    if not keys.size:
        return Group(keys, documents, np.empty((2, 0), np.uint64))
    order = np.argsort(keys)
    keys, documents = keys[order], documents[order]
    del order
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    firsts = np.minimum.reduceat(documents, starts)
    if starts.size == keys.size:
        return Group(keys, firsts, np.empty((2, 0), np.uint64))
    heads = np.repeat(firsts, np.diff(np.append(starts, keys.size)))
    other = heads != documents
    return Group(keys[starts], firsts, np.stack([heads[other], documents[other]]))


def edges(runs: Iterable[Array], low: int = 0, high: int = 2**64) -> Array:
    """Pairs (2, m) of documents that share a key of `low` up to, not including, `high`, from sorted runs (2, n) of one
    band: the first document of each key with its others. Only that range of the runs is read, one after the other.
    """
    first, last = np.uint64(low), np.uint64(high - 1)
    parts = []
    for run in runs:
        part = run[:, np.searchsorted(run[0], first) : np.searchsorted(run[0], last, side="right")]
        parts.append(np.array(part) if isinstance(run, np.memmap) else part)  # a copy, so that no file stays open
    keys, documents = np.concatenate(parts, axis=1) if parts else np.empty((2, 0), np.uint64)
    return grouped(keys, documents).edges


def ranges_of(pairs: int, memory: int) -> Iterator[tuple[int, int]]:
    """Equally wide ranges of keys that cover all, so many that a range of `pairs` pairs is sorted within `memory`."""
    count = max(math.ceil(pairs * SORTING / memory), 1)
    for i in range(count):
        yield 2**64 * i // count, 2**64 * (i + 1) // count


def write_run(path: Path, keys: Array, documents: Array) -> None:
    """A run as an .npy file (2, n). Raises OSError when the disk is full."""
    with open(path, "wb") as file:  # not numpy's own writing, whose error forgets what the disk said
        head = {"descr": "<u8", "fortran_order": False, "shape": (2, keys.size)}
        np.lib.format.write_array_header_1_0(file, head)
        assert file.tell() == HEAD
        for values in (keys, documents):
            file.write(np.ascontiguousarray(values, "<u8").data)


def read_run(path: Path) -> Array:
    """A run (2, n), mapped: what is not looked at is not read. The head is passed by: each range opens each run, and
    parsing heads would take longer than the rest of it.
    """
    return np.memmap(path, "<u8", "r", HEAD, (2, (path.stat().st_size - HEAD) // 16))


class Bands:
    """Takes keys of documents in order and keeps them as runs, within `memory` bytes; more go to files.

    A quarter of the memory is for keys not yet sorted, half for runs, a quarter for sorting. The files are in a folder
    of their own below `folder` (the system's for temporary files when None), which is removed in the end.
    """

    def __init__(self, bands: int, memory: int, folder: Path | None = None) -> None:
        self.documents = 0
        """Taken so far."""
        self._bands, self._memory, self._where = bands, memory, folder
        self._most = max(memory // (4 * (8 * bands + SORTING)), 1)
        self._waiting: list[Array] = []
        self._runs: list[list[Array | Path]] = [[] for _ in range(bands)]
        self._pairs = [0] * bands
        self._held = self._sorted = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Bands:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._runs.clear()
        if self._folder:
            self._folder.cleanup()

    def add(self, keys: Array) -> Iterator[Array]:
        """Take keys (bands, n) of the next n documents; gives edges (2, m) between documents of one run, as found.

        Raises TriviumError when the disk is full. Nothing is done before the edges are asked for.
        """
        while keys.shape[1]:
            room = self._most - (self.documents - self._sorted)
            self._waiting.append(keys[:, :room])
            self.documents += self._waiting[-1].shape[1]
            keys = keys[:, room:]
            if self.documents - self._sorted == self._most:
                yield from self._sort()

    def finish(self) -> Iterator[Array]:
        """The edges that are left: of the last run, and between runs."""
        yield from self._sort()
        for runs, pairs in zip(self._runs, self._pairs, strict=True):
            if len(runs) > 1:
                for low, high in ranges_of(pairs, max(self._memory // 4, SORTING)):
                    yield edges((read_run(run) if isinstance(run, Path) else run for run in runs), low, high)

    def _sort(self) -> Iterator[Array]:
        """Make a run of each band from the keys that wait."""
        if not self._waiting:
            return
        numbers = np.arange(self._sorted, self.documents, dtype=np.uint64)
        for band in range(self._bands):
            group = grouped(np.concatenate([keys[band] for keys in self._waiting]), numbers)
            self._keep(band, group)
            yield group.edges
        self._waiting.clear()
        self._sorted = self.documents

    def _keep(self, band: int, group: Group) -> None:
        self._pairs[band] += group.keys.size
        size = 16 * group.keys.size
        if self._held + size <= self._memory // 2:
            self._held += size
            self._runs[band].append(np.stack([group.keys, group.documents]))
            return
        try:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="trivium-bands-", dir=self._where)
            path = Path(self._folder.name) / f"band-{band:03d}.run-{len(self._runs[band]):06d}.npy"
            write_run(path, group.keys, group.documents)
        except OSError as error:
            raise TriviumError(
                f"Near-duplicates: the keys of {self._bands} bands could not be written to "
                f"{self._folder.name if self._folder else self._where or tempfile.gettempdir()}: {error}.",
                f"They take up to {16 * self._bands} bytes a document; point TMPDIR to a disk with room for them.",
            ) from error
        self._runs[band].append(path)
