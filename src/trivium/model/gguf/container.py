"""The GGUF file itself: a head of named values and tensors' places, then the tensors' bytes.

Written by its public description (version 3; 2 reads alike). Nothing is believed: each length is held against what is
left of the file before anything is read or reserved.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trivium.ground.atomic import fsync_path
from trivium.ground.errors import ArtifactError

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32
F32, F16, BF16 = 0, 1, 30
"""Tensor kinds that need no dequantising."""
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
U32, I32, FLOAT, BOOL = 4, 5, 6, 7
FETCH = "Fetch or convert the file again."


@dataclass(frozen=True)
class Stored:
    """Where a tensor is: its shape in torch's order, its kind, and its first byte."""

    shape: tuple[int, ...]
    kind: int
    start: int


@dataclass(frozen=True)
class Container:
    """A file's head, and its bytes."""

    path: Path
    metadata: dict[str, Any]
    tensors: dict[str, Stored]
    data: memoryview = field(repr=False)

    def bytes_of(self, name: str, size: int) -> np.ndarray:
        """The bytes of a tensor that takes `size`, uint8. Raises ArtifactError where the file is shorter."""
        start = self.tensors[name].start
        if start + size > len(self.data):
            missing = start + size - len(self.data)
            raise ArtifactError(f"{self.path} was cut: {name} lacks its last {missing:,} bytes.", FETCH)
        return np.frombuffer(self.data, np.uint8, size, start)


class _Head:
    """Reads the head from its first byte on."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.place = data, 0

    def take(self, size: int) -> memoryview:
        if size > len(self.data) - self.place:
            raise ValueError(f"it ends inside its head, at byte {len(self.data):,}")
        self.place += size
        return self.data[self.place - size : self.place]

    def number(self, letter: str) -> Any:
        return struct.unpack("<" + letter, self.take(struct.calcsize("<" + letter)))[0]

    def text(self) -> str:
        return bytes(self.take(self.number("Q"))).decode("utf-8")

    def value(self, kind: int) -> Any:
        if kind == STRING:
            return self.text()
        if kind in SCALARS:
            return self.number(SCALARS[kind])
        if kind != ARRAY:
            raise ValueError(f"a value has the unknown type {kind}")
        inner, count = self.number("I"), self.number("Q")
        if inner == STRING:
            if 8 * count > len(self.data) - self.place:
                raise ValueError(f"a list claims {count:,} texts, more than the file holds")
            return [self.text() for _ in range(count)]
        if inner not in SCALARS:
            raise ValueError(f"a list has items of the unknown type {inner}")
        letter = SCALARS[inner]
        return np.frombuffer(self.take(count * struct.calcsize("<" + letter)), np.dtype("<" + letter)).tolist()

    def tensor(self) -> tuple[str, Stored]:
        name, dimensions = self.text(), self.number("I")
        if not 1 <= dimensions <= 4:
            raise ValueError(f"{name} has {dimensions} dimensions")
        shape = tuple(self.number("Q") for _ in range(dimensions))[::-1]
        return name, Stored(shape, self.number("I"), self.number("Q"))


def read(path: Path) -> Container:
    """The head of a GGUF file; tensors stay on disk. Raises ArtifactError for what is no whole GGUF file."""
    try:
        with open(path, "rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}.", "Give a .gguf file.") from error
    if bytes(data[:4]) != MAGIC:
        raise ArtifactError(f"{path} is no GGUF file: it begins with {bytes(data[:4])!r}, not {MAGIC!r}.", FETCH)
    try:
        return _read_head(path, data)
    except (ValueError, OverflowError, UnicodeDecodeError, struct.error) as error:
        raise ArtifactError(f"{path} cannot be read as GGUF: {error}.", FETCH) from error


def _read_head(path: Path, data: memoryview) -> Container:
    head = _Head(data)
    head.take(4)
    version = head.number("I")
    if version not in (2, VERSION):
        swapped = " (a file for big-endian machines)" if version & 0xFFFF == 0 else ""
        raise ValueError(f"its version is {version}{swapped}; this code reads 2 and {VERSION}")
    tensors, values = head.number("Q"), head.number("Q")
    metadata: dict[str, Any] = {}
    for _ in range(values):
        key = head.text()
        metadata[key] = head.value(head.number("I"))
    found: dict[str, Stored] = {}
    for _ in range(tensors):
        name, stored = head.tensor()
        if name in found:
            raise ValueError(f"it names {name} twice")
        found[name] = stored
    if metadata.get("split.count", 1) not in (0, 1):
        raise ValueError(f"it is one of {metadata['split.count']} parts; join them with llama-gguf-split --merge")
    step = metadata.get("general.alignment", ALIGNMENT)
    if not isinstance(step, int) or step < 1 or step & (step - 1):
        raise ValueError(f"its alignment is {step}")
    start = -(-head.place // step) * step
    return Container(path, metadata, {n: Stored(t.shape, t.kind, start + t.start) for n, t in found.items()}, data)


@dataclass(frozen=True)
class Coming:
    """A tensor to write: its name, its shape in torch's order, its kind, and where its values come from."""

    name: str
    shape: tuple[int, ...]
    kind: int
    values: Callable[[], np.ndarray]
    """Gives float32 values of that shape (asked once, when they are written)."""

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return int(np.prod(self.shape, dtype=np.int64)) * (4 if self.kind == F32 else 2)


def write(path: Path, metadata: Mapping[str, Any], tensors: Sequence[Coming]) -> None:
    """Write a GGUF file, whole or not at all. Integers become uint32 (in lists int32), floats float32."""
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            file.write(_head(metadata, tensors))
            for tensor in tensors:
                file.write(b"\0" * (-file.tell() % ALIGNMENT))
                data = encode(tensor.values(), tensor.kind)
                if data.nbytes != tensor.size:
                    raise ValueError(f"{tensor.name} has {data.nbytes} bytes, not {tensor.size}")
                file.write(data.tobytes())
            file.write(b"\0" * (-file.tell() % ALIGNMENT))
        fsync_path(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def encode(values: np.ndarray, kind: int) -> np.ndarray:
    """float32 values as F32, F16 or BF16 (rounded to nearest, ties to even)."""
    values = np.ascontiguousarray(values, dtype="<f4")
    if kind == F32:
        return values
    if kind == F16:
        with np.errstate(over="ignore"):
            return values.astype("<f2")
    bits = values.view("<u4")
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(values), (bits >> 16) | 64, rounded).astype("<u2")


def _head(metadata: Mapping[str, Any], tensors: Sequence[Coming]) -> bytes:
    pieces = [MAGIC, struct.pack("<IQQ", VERSION, len(tensors), len(metadata))]
    for key, value in metadata.items():
        pieces += [_text(key), *_value(value)]
    place = 0
    for tensor in tensors:
        shape = tensor.shape[::-1]
        pieces += [_text(tensor.name), struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, tensor.kind, place)]
        place += -(-tensor.size // ALIGNMENT) * ALIGNMENT
    head = b"".join(pieces)
    return head + b"\0" * (-len(head) % ALIGNMENT)


def _text(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> Iterator[bytes]:
    """A value's type and bytes; a list has the type of its first item (an empty one is a list of texts)."""
    if isinstance(value, str):
        yield struct.pack("<I", STRING) + _text(value)
    elif isinstance(value, bool):
        yield struct.pack("<I?", BOOL, value)
    elif isinstance(value, int):
        yield struct.pack("<II", U32, value)
    elif isinstance(value, float):
        yield struct.pack("<If", FLOAT, value)
    elif value and isinstance(value[0], int | float):
        kind, dtype = (I32, "<i4") if isinstance(value[0], int) else (FLOAT, "<f4")
        yield struct.pack("<IIQ", ARRAY, kind, len(value)) + np.array(value, dtype).tobytes()
    else:
        yield struct.pack("<IIQ", ARRAY, STRING, len(value))
        yield from map(_text, value)
