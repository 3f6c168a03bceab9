"""Keys that go to files: a full disk is named, and nothing stays behind, whatever ends the work."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trivium.ground.errors import TriviumError
from trivium.stages.corpus.dedup import bands, near_copies
from trivium.stages.corpus.dedup.near import clusters

LITTLE = 10_000
"""Bytes of memory: what forces files on a few hundred texts."""


def texts() -> Iterator[str]:
    for i in range(400):
        yield f"text number {'abcdefgh'[i % 8]} {'xyz'[i % 3]} of a few words"


def copies(given: Iterator[str], folder: Path) -> list[int]:
    found: list[int] = near_copies(given, 14, 8, 5, 1, LITTLE, folder).tolist()
    return found


def test_files_are_made_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []
    real = bands.write_run

    def write(path: Path, *rest: Any) -> None:
        written.append(path)
        real(path, *rest)

    monkeypatch.setattr(bands, "write_run", write)
    assert copies(texts(), tmp_path) == [i % 24 for i in range(400)]
    assert written and all(tmp_path in path.parents for path in written)
    assert not list(tmp_path.iterdir())


def test_more_files_than_may_be_open(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    keys = np.arange(100, dtype=np.uint64).reshape(1, -1) // np.uint64(2)
    clusters([keys[:, :2]], 1, LITTLE, tmp_path)  # compiled before
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 20, limits[1]))
    try:
        firsts = clusters([keys], 1, 800, tmp_path)  # a run, so a file, each document
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert firsts.tolist() == [i // 2 * 2 for i in range(100)]


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bool] = []
    real = bands.write_run

    def write(path: Path, keys: Any, documents: Any) -> None:
        if len(made) == 20:
            path.write_bytes(b"half a ru")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path, keys, documents)
        made.append(path.is_file())

    monkeypatch.setattr(bands, "write_run", write)
    with pytest.raises(TriviumError, match=r"No space left on device.*TMPDIR") as caught:
        copies(texts(), tmp_path)
    assert str(tmp_path) in str(caught.value) and all(made)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the disk that is always full is Linux's")
def test_the_disks_own_error_is_told() -> None:
    some = np.arange(100_000, dtype=np.uint64)
    with pytest.raises(OSError, match="No space left") as caught:
        bands.write_run(Path("/dev/full"), some, some)
    assert caught.value.errno == errno.ENOSPC


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TriviumError, match="nowhere"):
        copies(texts(), tmp_path / "nowhere")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_texts_that_end_in_an_error_leave_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    seen: list[int] = []

    def broken() -> Iterator[str]:
        yield from texts()
        seen.append(len(list(tmp_path.rglob("*.npy"))))
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trivium.stages.corpus.dedup.sign.BLOCK_TEXTS", 50)
        with pytest.raises(error):
            copies(broken(), tmp_path)
    assert seen[0] > 0, "files were there when it broke"
    assert not list(tmp_path.iterdir())
