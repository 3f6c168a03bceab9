"""What this machine can do to hold foreign code: asked of the kernel, never guessed from its version."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from dataclasses import dataclass
from functools import lru_cache

from trivium.sandbox.syscalls import ARCHITECTURES, number

LEAST_LANDLOCK = 1
ACTION_AVAILABLE = 2
"""seccomp(2): is this verdict known?"""
KILL_PROCESS = 0x80000000


@dataclass(frozen=True)
class Tier:
    """How foreign code is held on this machine."""

    name: str
    """`jail` (Landlock, seccomp and limits) or `none`."""
    reason: str
    """For people: what holds, or what is missing."""
    landlock: int = 0
    """The kernel's Landlock version; 0: none."""

    @property
    def holds(self) -> bool:
        """Whether foreign code may be run."""
        return self.name == "jail"


@lru_cache(maxsize=1)
def tier() -> Tier:
    """The tier of this machine. Callers whose task needs code skip it, with this reason, when it does not hold."""
    if sys.platform != "linux":
        return Tier("none", f"{platform.system()} has neither Landlock nor seccomp; only Linux can hold code")
    machine = platform.machine()
    if machine not in ARCHITECTURES or struct.calcsize("P") != 8 or sys.byteorder != "little":
        return Tier("none", f"the filter of system calls is written for {' and '.join(ARCHITECTURES)}, not {machine}")
    if not sys.executable:
        return Tier("none", "this Python does not know its own program, so it cannot start another")
    version, trouble = landlock_version(machine)
    if version < LEAST_LANDLOCK:
        return Tier("none", f"the kernel has no Landlock ({trouble}): Linux 5.13 or newer, with it switched on, has")
    trouble = _no_seccomp(machine)
    if trouble:
        return Tier("none", f"the kernel lets no seccomp filter be set ({trouble})", version)
    return Tier("jail", f"Landlock {version}, seccomp ({machine}) and limits on memory, time and output", version)


def landlock_version(machine: str) -> tuple[int, str]:
    """The kernel's Landlock version (0: none), and what it said where there is none."""
    found, trouble = call(number(machine, "landlock_create_ruleset"), 0, 0, 1)
    return (0, os.strerror(trouble)) if found < 0 else (found, "")


def call(which: int, *arguments: int) -> tuple[int, int]:
    """A raw system call: what came back, and errno."""
    libc = ctypes.CDLL(None, use_errno=True)
    found = libc.syscall(ctypes.c_long(which), *(ctypes.c_long(argument) for argument in arguments))
    return int(found), ctypes.get_errno() if found < 0 else 0


def _no_seccomp(machine: str) -> str:
    action = ctypes.c_uint32(KILL_PROCESS)
    found, trouble = call(number(machine, "seccomp"), ACTION_AVAILABLE, 0, ctypes.addressof(action))
    return os.strerror(trouble) if found < 0 else ""
