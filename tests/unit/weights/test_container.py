"""The GGUF file itself: the package gguf reads what is written, and damage of every kind is named."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trivium.ground.errors import ArtifactError
from trivium.model.gguf.container import BF16, F16, F32, Coming, encode, read, write
from trivium.model.gguf.weights import values_of

METADATA: dict[str, Any] = {
    "general.architecture": "llama",
    "a.number": 7,
    "a.float": 0.1,
    "a.yes": True,
    "a.list": [3, -1, 2],
    "a.floats": [0.5, 1.5],
    "a.texts": ["é", "", "b c"],
    "an.empty": [],
}
VALUES = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)


def small(path: Path, **metadata: Any) -> Path:
    tensors = [Coming(f"t{kind}", VALUES.shape, kind, lambda: VALUES) for kind in (F32, F16, BF16)]
    write(path, METADATA | metadata, [*tensors, Coming("row", (7,), F32, lambda: VALUES[0])])
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    found = read(small(tmp_path / "a.gguf"))
    assert found.metadata == METADATA | {"a.float": pytest.approx(0.1)}
    assert {name: stored.shape for name, stored in found.tensors.items()} == {
        "t0": (5, 7), "t1": (5, 7), "t30": (5, 7), "row": (7,),
    }  # fmt: skip
    assert np.array_equal(values_of(found, "t0"), VALUES)
    assert np.array_equal(values_of(found, "t1"), VALUES.astype(np.float16).astype(np.float32))
    assert np.array_equal(values_of(found, "t30"), torch.from_numpy(VALUES).bfloat16().float().numpy())
    assert not list(tmp_path.glob("*.part"))


def test_the_package_gguf_reads_the_same(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf", reason="the extra gguf is not installed")
    found = gguf.GGUFReader(small(tmp_path / "a.gguf"))
    said = {key: value.contents() for key, value in found.fields.items() if not key.startswith("GGUF.")}
    assert {**said, "an.empty": []} == METADATA | {"a.float": pytest.approx(0.1)}
    for tensor in found.tensors:
        ours = values_of(read(tmp_path / "a.gguf"), tensor.name)
        assert np.array_equal(gguf.dequantize(tensor.data, tensor.tensor_type).reshape(ours.shape), ours)
    assert len(found.tensors) == 4


def test_bf16_rounds_as_torch_does() -> None:
    edges = [0.0, -0.0, 1.00390625, 1.01171875, 3.4e38, float("inf"), float("nan"), 1e-40]
    values = np.concatenate([np.float32(edges), np.random.default_rng(1).normal(size=4000).astype(np.float32)])
    ours = torch.from_numpy(encode(values, BF16).view(np.int16).copy()).view(torch.bfloat16)
    torch.testing.assert_close(ours, torch.from_numpy(values).bfloat16(), equal_nan=True, atol=0, rtol=0)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="t has"):
        write(tmp_path / "a.gguf", METADATA, [Coming("t", (5, 7), F32, lambda: VALUES[0])])
    assert not list(tmp_path.iterdir())


def test_every_cut_of_the_head_is_named(tmp_path: Path) -> None:
    whole = small(tmp_path / "a.gguf").read_bytes()
    first = min(stored.start for stored in read(tmp_path / "a.gguf").tensors.values())
    path = tmp_path / "cut.gguf"
    for length in range(1, first - 31):
        path.write_bytes(whole[:length])
        with pytest.raises(ArtifactError, match=r"cannot be read as GGUF|is no GGUF file"):
            read(path)
    path.write_bytes(whole[:-40])
    with pytest.raises(ArtifactError, match=r"row lacks its last \d+ bytes"):
        values_of(read(path), "row")
    path.write_bytes(b"")
    with pytest.raises(ArtifactError, match="cannot be read"):
        read(path)


def head(*pieces: bytes, version: int = 3, tensors: int = 0, values: int = 1, magic: bytes = b"GGUF") -> bytes:
    return magic + struct.pack("<IQQ", version, tensors, values) + b"".join(pieces)


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


HUGE = 2**60
DAMAGED = {
    "another magic": (head(magic=b"GGML"), "is no GGUF file"),
    "version 1": (head(version=1), "version is 1"),
    "big-endian": (head(version=3 << 24), "big-endian"),
    "an endless key": (head(struct.pack("<Q", HUGE)), "ends inside its head"),
    "an endless list of numbers": (head(text(b"a"), struct.pack("<IIQ", 9, 4, HUGE)), "ends inside its head"),
    "an endless list of texts": (head(text(b"a"), struct.pack("<IIQ", 9, 8, HUGE)), "more than the file holds"),
    "endless values": (head(text(b"a"), struct.pack("<II", 4, 1), values=HUGE), "ends inside its head"),
    "endless tensors": (head(tensors=HUGE, values=0), "ends inside its head"),
    "a list of lists": (head(text(b"a"), struct.pack("<IIQ", 9, 9, 1)), "unknown type 9"),
    "an unknown type": (head(text(b"a"), struct.pack("<II", 77, 1)), "unknown type 77"),
    "no UTF-8": (head(text(b"\xff"), struct.pack("<II", 4, 1)), "cannot be read as GGUF"),
    "many dimensions": (head(text(b"t"), struct.pack("<I", 99), tensors=1, values=0), "99 dimensions"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_hostile_heads_are_refused_at_once(name: str, tmp_path: Path) -> None:
    data, said = DAMAGED[name]
    (tmp_path / "a.gguf").write_bytes(data)
    with pytest.raises(ArtifactError, match=said):
        read(tmp_path / "a.gguf")


def test_parts_of_a_split_file_and_strange_alignments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="one of 3 parts"):
        read(small(tmp_path / "a.gguf", **{"split.count": 3}))
    with pytest.raises(ArtifactError, match="alignment is 33"):
        read(small(tmp_path / "a.gguf", **{"general.alignment": 33}))
