"""Tensors in safetensors files, whole or by rows: each rank writes the rows that it holds, any number of ranks reads.

A file's metadata says for each tensor in it which of how many rows it has. A file without that has whole tensors. It is
written here, not by the library, since so it is hashed on its way and other threads run meanwhile.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from trivium.ground.errors import ArtifactError

DTYPES = {
    torch.float32: "F32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
PIECE = 16 << 20
MEND = "It is of another model or another optimizer: remove the work folder to start from scratch."
Rows = tuple[int, int, int]
"""Start, stop, and how many rows the whole tensor has."""


def write(path: Path, tensors: Mapping[str, Tensor], rows: Mapping[str, Rows] | None = None) -> str:
    """Write tensors that lie in host memory; the sha256 of the file. `rows` says which rows of each these are."""
    header: dict[str, Any] = {}
    if rows is not None:
        header["__metadata__"] = {"rows": json.dumps({name: rows[name] for name in tensors})}
    at = 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        head = memoryview(len(text).to_bytes(8, "little") + text)
        for data in (head, *map(_bytes, tensors.values())):
            for start in range(0, len(data), PIECE):
                part: Any = data[start : start + PIECE]
                digest.update(part)
                file.write(part)
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> memoryview:
    values: Any = tensor.contiguous().reshape(-1).view(torch.uint8).numpy()
    return memoryview(values)


class Pieces:
    """Tensors that are spread over files by rows."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._found: dict[str, list[tuple[int, int, int, Any]]] = {}
        for path in paths:
            file = safe_open(path, framework="pt")
            rows = json.loads((file.metadata() or {}).get("rows", "{}"))
            for name in file.keys():
                piece = file.get_slice(name)
                count = (piece.get_shape() or [1])[0]
                start, stop, whole = rows.get(name, (0, count, count))
                self._found.setdefault(name, []).append((start, stop, whole, piece))

    def fill(self, name: str, target: Tensor, rows: Rows) -> None:
        """Copy rows `start` to `stop` of a tensor into `target`. Raises ArtifactError where they are not all there."""
        start, stop, whole = rows
        missing = stop - start
        for a, b, count, piece in self._found.get(name, ()):
            if count != whole or list(piece.get_shape()[1:]) != list(target.shape[1:]):
                shape = (count, *piece.get_shape()[1:])
                raise ArtifactError(f"The checkpoint has {name} as {shape}, not {(whole, *target.shape[1:])}.", MEND)
            low, high = max(a, start), min(b, stop)
            if low < high:
                target[low - start : high - start].copy_(piece[low - a : high - a])
                missing -= high - low
        if missing or name not in self._found:
            raise ArtifactError(f"The checkpoint lacks {missing} of {whole} rows of {name}.", MEND)


def whole(tensor: Tensor) -> Rows:
    """All rows of a tensor."""
    count = tensor.shape[0] if tensor.ndim else 1
    return (0, count, count)
