"""A model's tensors out of a GGUF file, dequantised, and into one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trivium.ground.errors import ArtifactError, ConfigError, UsageError
from trivium.model.config import ModelConfig
from trivium.model.gguf import names, shape
from trivium.model.gguf.container import BF16, F16, F32, Coming, Container, read
from trivium.model.transformer import Transformer

DTYPES = {"f32": F32, "f16": F16, "bf16": BF16}
FILE_TYPES = {F32: 0, F16: 1, BF16: 32}
"""GGUF's number for a file that is mostly of this kind."""
KEPT = {F32: torch.float32, F16: torch.float16, BF16: torch.bfloat16}
"""Kinds that a folder stores as they are; the dequantised are stored as fp32, which holds them exactly."""


def open_gguf(path: Path) -> tuple[Container, ModelConfig]:
    """A file's head and the model's shape. Raises ArtifactError for a file that is damaged or of an unknown kind."""
    container = read(path)
    stretch = values_of(container, names.STRETCH) if names.STRETCH in container.tensors else None
    shapes = {name: stored.shape for name, stored in container.tensors.items()}
    try:
        config = shape.from_metadata(container.metadata, shapes, stretch)
        if config.num_hidden_layers > len(shapes):
            raise ValueError(f"{config.num_hidden_layers} layers in {len(shapes)} tensors")
        return container, config
    except ConfigError as error:
        raise ArtifactError(f"{path}: {error.what}", error.mend) from error
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise ArtifactError(f"{path} does not say its shape: {what}.", "Convert the model again.") from error


def tensors_of(container: Container, config: ModelConfig) -> Iterator[tuple[str, Tensor]]:
    """Our names and values of all of a file's tensors, one after the other, in KEPT dtypes.

    Raises ArtifactError for a tensor that is missing or has no place (before the first is given), that is misshapen,
    cut short, or not finite.
    """
    wanted = _parameters(config)
    found = {name: names.ours(name) for name in container.tensors if name != names.STRETCH}
    strange = [name for name, ours in found.items() if ours not in wanted]
    missing = [names.theirs(name) for name in wanted if name not in set(found.values())]
    for what, some in (("lacks", missing), ("has an unknown tensor,", strange)):
        if some:
            mend = f"It is no whole {config.model_type} model."
            raise ArtifactError(f"{container.path} {what} {some[0]} ({len(some)} in all).", mend)
    for name, ours in found.items():
        assert ours is not None
        stored = container.tensors[name]
        if stored.shape != wanted[ours]:
            raise ArtifactError(
                f"{container.path} has {stored.shape}, not {wanted[ours]}, as {name}.", "Convert the model again."
            )
        value = torch.from_numpy(values_of(container, name))
        if not bool(torch.isfinite(value).all()):
            raise ArtifactError(f"{container.path}: {name} holds numbers that are not finite.", "Fetch it again.")
        yield ours, names.from_file(config, ours, value).to(KEPT.get(stored.kind, torch.float32)).contiguous()


def _parameters(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        model = Transformer(config)
    return {name: tuple(value.shape) for name, value in model.named_parameters()}


def values_of(container: Container, name: str) -> np.ndarray:
    """A tensor's values, float32, in their own memory. Raises ArtifactError, and UsageError without the extra."""
    stored = container.tensors[name]
    count = int(np.prod([int(n) for n in stored.shape], dtype=object))
    if stored.kind == F32:
        return container.bytes_of(name, 4 * count).view("<f4").reshape(stored.shape).astype(np.float32)
    if stored.kind == F16:
        return container.bytes_of(name, 2 * count).view("<f2").reshape(stored.shape).astype(np.float32)
    if stored.kind == BF16:
        wide = container.bytes_of(name, 2 * count).view("<u2").astype("<u4") << 16
        return wide.view("<f4").reshape(stored.shape)
    return _dequantised(container, name, count)


def kind_name(kind: int) -> str:
    """A tensor kind as people call it: F16, Q4_K …"""
    plain = {number: dtype.upper() for dtype, number in DTYPES.items()}
    if kind in plain:
        return plain[kind]
    try:
        from gguf.constants import GGMLQuantizationType

        return str(GGMLQuantizationType(kind).name)
    except (ImportError, ValueError):
        return f"kind {kind}"


def _dequantised(container: Container, name: str, count: int) -> np.ndarray:
    stored = container.tensors[name]
    try:
        from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
        from gguf.quants import dequantize
    except ImportError as error:
        mend = "Install it: pip install 'trivium[gguf]'. Files in F32, F16 and BF16 need nothing."
        raise UsageError(f"{container.path.name} is quantised; reading it needs the package gguf.", mend) from error
    try:
        kind = GGMLQuantizationType(stored.kind)
        block, size = GGML_QUANT_SIZES[kind]
    except (ValueError, KeyError) as error:
        raise ArtifactError(
            f"{name} is of the unknown kind {stored.kind}.", "A newer package gguf may know it."
        ) from error
    if stored.shape[-1] % block:
        raise ArtifactError(
            f"{name} has rows of {stored.shape[-1]}, not of whole blocks of {block}.", "Fetch it again."
        )
    data = container.bytes_of(name, count // block * size)
    try:
        rows = data.reshape(*stored.shape[:-1], stored.shape[-1] // block * size)
        found: np.ndarray = dequantize(rows, kind).astype(np.float32).reshape(stored.shape)
    except RuntimeError as error:
        raise ArtifactError(
            f"{name} is {kind.name}, which gguf cannot dequantise.", "Use another quantisation."
        ) from error
    return found


def coming(model: Transformer, dtype: str) -> list[Coming]:
    """A model's tensors as a file of `dtype` (f32, f16, bf16) holds them: matrices in it, all else in F32.

    Raises UsageError for a weight that the dtype cannot hold.
    """
    if dtype not in DTYPES:
        raise UsageError(f"--dtype is {dtype!r}.", f"Choose one of {', '.join(DTYPES)}.")
    config, found = model.config, []
    for name, parameter in model.named_parameters():
        value = parameter.detach()
        kind = DTYPES[dtype] if value.ndim == 2 else F32
        if kind == F16 and float(value.abs().max()) > torch.finfo(torch.float16).max:
            raise UsageError(f"{name} has weights above 65504, the largest of f16.", "Use --dtype bf16 or f32.")
        found.append(Coming(names.theirs(name), tuple(value.shape), kind, partial(_values, config, name, value)))
    stretch = shape.stretch_of(config)
    if stretch is not None:
        found.append(Coming(names.STRETCH, tuple(stretch.shape), F32, stretch.numpy))
    return found


def _values(config: ModelConfig, name: str, value: Tensor) -> np.ndarray:
    array: np.ndarray = names.to_file(config, name, value).float().cpu().numpy()
    return array
