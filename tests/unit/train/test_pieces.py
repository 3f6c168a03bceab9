"""Tensor files: plain safetensors, hashed on their way, and any split of rows is read as any other."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from trivium.ground.artifact import hash_file
from trivium.ground.errors import ArtifactError
from trivium.train.pieces import DTYPES, Pieces, Rows, whole, write
from trivium.train.sharding import rows_of

SHAPES = ((1,), (7, 3), (4, 2, 5), (12, 1), (3, 0), (30, 4))


def tensors(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {f"t{i}": torch.randn(shape, generator=generator) for i, shape in enumerate(SHAPES)}


def split(folder: Path, ranks: int) -> list[Path]:
    """The same tensors in as many files, by rows."""
    paths = []
    for rank in range(ranks):
        rows: dict[str, Rows] = {n: (*rows_of(len(t), rank, ranks), len(t)) for n, t in tensors().items()}
        paths.append(folder / f"{rank}-of-{ranks}.safetensors")
        write(paths[-1], {n: t[rows[n][0] : rows[n][1]] for n, t in tensors().items()}, rows)
    return paths


def test_it_is_a_plain_file_with_its_hash(tmp_path: Path) -> None:
    values = {f"{dtype}": (torch.arange(10) % 2).to(dtype).view(5, 2) for dtype in DTYPES}
    values["turned"] = torch.randn(6, 4).T
    digest = write(tmp_path / "x.safetensors", values)
    assert digest == hash_file(tmp_path / "x.safetensors")
    found = load_file(tmp_path / "x.safetensors")
    assert found.keys() == values.keys()
    for name, value in values.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writers=st.integers(1, 9), readers=st.integers(1, 9))
def test_any_number_reads_what_any_number_wrote(
    tmp_path_factory: pytest.TempPathFactory, writers: int, readers: int
) -> None:
    pieces = Pieces(split(tmp_path_factory.mktemp("pieces"), writers))
    for name, wanted in tensors().items():
        for rank in range(readers):
            start, stop = rows_of(len(wanted), rank, readers)
            target = torch.full((stop - start, *wanted.shape[1:]), torch.nan)
            pieces.fill(name, target, (start, stop, len(wanted)))
            assert torch.equal(target, wanted[start:stop])


def test_what_is_missing_or_misshapen_is_named(tmp_path: Path) -> None:
    pieces = Pieces(split(tmp_path, 3)[:2])
    with pytest.raises(ArtifactError, match="lacks 1 of 7 rows of t1"):
        pieces.fill("t1", torch.empty(7, 3), (0, 7, 7))
    with pytest.raises(ArtifactError, match="t9"):
        pieces.fill("t9", torch.empty(7, 3), (0, 7, 7))
    for wrong in (torch.empty(8, 3), torch.empty(7, 1)):
        with pytest.raises(ArtifactError, match="has t1 as"):
            pieces.fill("t1", wrong, whole(wrong))
