"""Where a model runs and in which dtype, picked or named; threads and allocator set so that a CPU runs well."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec

import torch

from trivium.ground.errors import UsageError
from trivium.ground.how import How

DEVICES = ("auto", "cpu", "cuda", "mps")


def pick_device(how: How) -> torch.device:
    """The device that `how` names, or the best one there is; of several GPUs, each rank of a machine takes its own.

    Raises UsageError for one that is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if how.device == "auto":
        return _own(next(name for name, present in there.items() if present), how)
    if not there.get(how.device.partition(":")[0], False):
        present = ", ".join(name for name, here in there.items() if here)
        raise UsageError(f"--device {how.device} is not on this machine.", f"There is: {present}; or use auto.")
    return _own(how.device, how)


def _own(name: str, how: How) -> torch.device:
    """The device of this rank."""
    if name != "cuda" or how.place.ranks == 1:
        return torch.device(name)
    number, present = how.place.local_rank, torch.cuda.device_count()
    if number >= present:
        raise UsageError(
            f"Rank {how.place.rank} has no GPU of its own: {how.place.local_ranks} ranks, {present} GPUs.",
            f"Use torchrun --nproc-per-node {present}, or --device cpu.",
        )
    return torch.device("cuda", number)


def pick_dtype(device: torch.device) -> torch.dtype:
    """bf16 where the hardware multiplies it faster than fp32, else fp32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device.type == "cpu" and cpu_has_bf16():
        return torch.bfloat16
    return torch.float32


def cpu_has_bf16() -> bool:
    """Whether this CPU has bf16 matrix instructions that may be used (AMX, or AVX-512's dot products)."""
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    if limit in {"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI"}:
        return False
    flags = _cpu_flags()
    return "amx_bf16" in flags or "avx512_bf16" in flags


@cache
def _cpu_flags() -> frozenset[str]:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            line = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return frozenset()
    return frozenset(line.split())


@cache
def has_triton() -> bool:
    """Whether Triton is installed: kernels can be compiled for this machine's GPU."""
    return find_spec("triton") is not None


def settle(how: How) -> torch.device:
    """Set threads, allocator and exactness once at the start of a stage that computes; the picked device.

    On a CPU the same machine, threads, torch and dtype give the same bits. On a GPU they do with `how.deterministic`;
    without it some sums are made in the order in which they come, which is faster.
    """
    device = pick_device(how)
    torch.set_num_threads(how.threads or max(1, _cores() // how.place.local_ranks))
    if device.type == "cpu":
        _keep_freed_memory()
    exact = device.type == "cpu" or how.deterministic
    if device.type == "cuda":
        if device.index is not None:
            torch.cuda.set_device(device)
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.deterministic = exact
    torch.use_deterministic_algorithms(exact, warn_only=True)
    # A debugging aid that comes with it and costs a tenth of decoding.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return device


@contextlib.contextmanager
def strictly(device: torch.device) -> Iterator[None]:
    """On a GPU where the same bits are wanted: kernels that cannot promise them are refused, not only spoken of.

    Some kernels, attention's backward pass among them, choose their exact way only then.
    """
    if device.type != "cuda" or not torch.are_deterministic_algorithms_enabled():
        yield
        return
    torch.use_deterministic_algorithms(True, warn_only=False)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(True, warn_only=True)


def _cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _keep_freed_memory() -> None:
    """Ask glibc to keep freed blocks: handing each tensor back to the kernel cost 15 % of a training step."""
    if sys.platform != "linux":
        return
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD: its largest value
        libc.mallopt(-1, (1 << 31) - 1)  # M_TRIM_THRESHOLD
    except (OSError, AttributeError):
        return
