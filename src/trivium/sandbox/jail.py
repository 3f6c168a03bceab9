"""The walls: limits, no capabilities, Landlock, seccomp. `Walls.prepare` once in the zygote, `close` in each child.

The order matters: limits while they may still be set, Landlock before the filter forbids it, the filter last. A step
that fails raises OSError, and the child then runs nothing. Nothing here can be undone by the process it was done to.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from trivium.sandbox.filter import program
from trivium.sandbox.syscalls import number
from trivium.sandbox.tier import call, landlock_version

FILES_BY_VERSION = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
"""Landlock's rights on files that each version knows: all of them are taken away."""
NETWORK, SCOPES = 0b11, 0b11
"""TCP's bind and connect (since version 4); abstract sockets and signals (since version 6)."""
READ_FILE, READ_FOLDER = 1 << 2, 1 << 3
SCRATCH = READ_FILE | READ_FOLDER | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 14
"""In a scratch folder: read, write, remove, make files and folders, truncate (never execute, link, make devices)."""
BENEATH = 1
SCRATCH_NEEDS = 3
"""The Landlock version that knows truncation."""
NO_NEW_PRIVILEGES, PARENT_DEATH = 38, 1
FILTER_MODE = 1
CAPABILITIES_3 = 0x20080522
NEW_USER, NEW_NETWORK, NEW_IPC = 0x10000000, 0x40000000, 0x08000000
FILES_OPEN = 48
ALL_DESCRIPTORS = 1 << 16
SCRATCH_BYTES = 16 << 20
"""The largest file in a scratch folder."""


@dataclass(frozen=True)
class Limits:
    """What one run may use."""

    seconds: float
    memory: int
    """Bytes beyond what the waiting interpreter has mapped."""


class Walls:
    """What is prepared once, so that a child has little left to do: ruleset, filters, the zygote's size."""

    def __init__(self, readable: Iterable[str]) -> None:
        """`readable`: files and folders that may be read. Raises OSError where the kernel has no Landlock."""
        self.machine = platform.machine()
        self.version, trouble = landlock_version(self.machine)
        if self.version < 1:
            raise OSError(f"no Landlock: {trouble}")
        self.files = FILES_BY_VERSION[min(self.version, 5)]
        self.readable = tuple(readable)
        self.ruleset = self._ruleset()
        self.filters = {scratch: program(self.machine, scratch) for scratch in (False, True)}
        with open("/proc/self/statm", encoding="ascii") as sizes:
            self.mapped = int(sizes.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")

    def _ruleset(self, scratch: str | None = None) -> int:
        """A Landlock ruleset that knows the readable places and a scratch folder, as a descriptor."""
        wanted = struct.pack("<QQQ", self.files, NETWORK * (self.version >= 4), SCOPES * (self.version >= 6))
        size = 24 if self.version >= 6 else 16 if self.version >= 4 else 8
        buffer = ctypes.create_string_buffer(wanted)
        made = _must("landlock_create_ruleset", self.machine, ctypes.addressof(buffer), size, 0)
        for path in self.readable:
            self._allow(made, path, READ_FILE | (READ_FOLDER if os.path.isdir(path) else 0))
        if scratch is not None:
            self._allow(made, scratch, SCRATCH)
        return made

    def _allow(self, ruleset: int, path: str, rights: int) -> None:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            rule = ctypes.create_string_buffer(struct.pack("<Qi", rights & self.files, place))
            _must("landlock_add_rule", self.machine, ruleset, BENEATH, ctypes.addressof(rule), 0)
        finally:
            os.close(place)

    def close(self, limits: Limits, scratch: str | None, keep: int) -> None:
        """Wall in this process for ever: only descriptors below `keep` stay open. Raises OSError when a wall fails."""
        if scratch is not None and self.version < SCRATCH_NEEDS:
            raise OSError(f"a scratch folder needs Landlock {SCRATCH_NEEDS}; this kernel has {self.version}")
        rules = self.ruleset if scratch is None else self._ruleset(scratch)
        set_limits(limits, self.mapped, scratch is not None)
        _must("prctl", self.machine, PARENT_DEATH, 9, 0, 0, 0)  # when the zygote goes, so does this
        _must("prctl", self.machine, NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        drop_capabilities(self.machine)
        _must("landlock_restrict_self", self.machine, rules, 0)
        os.closerange(keep, ALL_DESCRIPTORS)
        steps = self.filters[scratch is not None]
        code = ctypes.create_string_buffer(steps)
        header = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(steps) // 8, ctypes.addressof(code)))
        _must("seccomp", self.machine, FILTER_MODE, 0, ctypes.addressof(header))


def set_limits(limits: Limits, mapped: int, scratch: bool) -> None:
    """Limit memory, processor seconds (a second line behind the parent's clock), files and processes, for ever."""
    seconds = int(limits.seconds) + 2
    wanted = {
        "AS": mapped + limits.memory,
        "CPU": seconds,
        "NPROC": 0,
        "FSIZE": SCRATCH_BYTES if scratch else 0,
        "NOFILE": FILES_OPEN,
        "CORE": 0,
        "MEMLOCK": 0,
        "MSGQUEUE": 0,
    }
    for name, value in wanted.items():
        which = getattr(resource, f"RLIMIT_{name}", None)
        if which is not None:
            most = resource.getrlimit(which)[1]
            bound = value if most == resource.RLIM_INFINITY else min(value, most)
            resource.setrlimit(which, (bound, bound))


def drop_capabilities(machine: str) -> None:
    """No capabilities, whoever the user is. Raises OSError when the kernel refuses."""
    header = ctypes.create_string_buffer(struct.pack("<Ii", CAPABILITIES_3, 0))
    none = ctypes.create_string_buffer(bytes(24))
    _must("capset", machine, ctypes.addressof(header), ctypes.addressof(none))


def leave_namespaces(machine: str) -> str:
    """Put this process (the zygote) into a network and IPC namespace of its own; "" where the kernel refuses.

    A bonus, never relied upon: many systems forbid it.
    """
    for flags in (NEW_USER | NEW_NETWORK | NEW_IPC, NEW_NETWORK | NEW_IPC):
        if call(number(machine, "unshare"), flags)[0] == 0:
            return "a network namespace of its own"
    return ""


def _must(name: str, machine: str, *arguments: int) -> int:
    found, trouble = call(number(machine, name), *arguments)
    if found < 0:
        raise OSError(trouble, f"{name}: {os.strerror(trouble)}")
    return found
