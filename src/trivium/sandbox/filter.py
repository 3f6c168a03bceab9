"""The seccomp filter: a small program for the kernel that allows the listed system calls and refuses all others.

Classic BPF, as struct sock_filter (code u16, jump-if-true u8, jump-if-false u8, k u32). Written by hand since a list of
a hundred comparisons needs no library. Another architecture's calls (32-bit ones, x32's) kill the process.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from trivium.sandbox.syscalls import ABSENT, ARCHITECTURES, CHECKED, FREE, LAST_KNOWN, NONE, SCRATCH

LOAD, EQUAL, GREATER, ANY_BIT, MASK, RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
"""ld [k] · jeq k · jgt k · jset k · and k · ret k."""
ALLOW, KILL = 0x7FFF0000, 0x80000000
REFUSE, NO_SUCH_CALL = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
"""Offsets in struct seccomp_data; arguments are 8 bytes each, their low halves first (both machines are so)."""

READING = os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | 0o100000 | 0o400000
"""Flags with which any file may be asked for (the two numbers are O_LARGEFILE on the two machines)."""
WRITING = READING | os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_TRUNC | os.O_APPEND
FCNTL = (fcntl.F_DUPFD, fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL, fcntl.F_SETFL, fcntl.F_DUPFD_CLOEXEC)
"""Without F_SETOWN, which makes the kernel send signals to others, and F_SETPIPE_SZ, which takes its memory."""
IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""
UNIX, STREAM = 1, 1
PAIR_OPTIONS = os.O_CLOEXEC | os.O_NONBLOCK
"""What may be added to the kind of a socket pair."""

Step = tuple[int, int, int, int]


def program(machine: str, scratch: bool) -> bytes:
    """The filter for this machine, as the kernel reads it; with `scratch`, files may be written where Landlock lets.

    Raises KeyError for a machine that has no column in `syscalls`.
    """
    column, architecture = ARCHITECTURES[machine]
    steps: list[Step] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (GREATER, 0, 1, 0x3FFFFFFF),  # x32's calls have this bit
        (RETURN, 0, 0, KILL),
        (GREATER, 0, 1, LAST_KNOWN),
        (RETURN, 0, 0, NO_SUCH_CALL),
    ]
    for table, verdict in ((FREE, ALLOW), (SCRATCH if scratch else {}, ALLOW), (ABSENT, NO_SUCH_CALL)):
        for numbers in table.values():
            if numbers[column] != NONE:
                steps += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, verdict)]
    for name, numbers in CHECKED.items():
        checks = _checks(name, scratch)
        steps += [(EQUAL, 0, len(checks), numbers[column]), *checks]
    steps.append((RETURN, 0, 0, REFUSE))
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


def _checks(name: str, scratch: bool) -> list[Step]:
    """What decides, once the call is `name`: always ends in a verdict."""
    if name == "openat":
        return _no_other_bits(2, WRITING if scratch else READING)
    if name == "fcntl":
        return [*_one_of(1, FCNTL), (RETURN, 0, 0, REFUSE)]
    if name == "ioctl":
        return [*_one_of(1, IOCTL), (RETURN, 0, 0, REFUSE)]
    if name == "sendto":  # an address could name a socket of the system; both halves of the pointer must be zero
        return [*_must_be(4, 0), *_must_be(4, 0, high=True), (RETURN, 0, 0, ALLOW)]
    if name == "prlimit64":  # asking about oneself, never setting
        return [*_must_be(0, 0), *_must_be(2, 0), *_must_be(2, 0, high=True), (RETURN, 0, 0, ALLOW)]
    stream = [(LOAD, 0, 0, ARGUMENTS + 8), (MASK, 0, 0, 0xFFFFFFFF & ~PAIR_OPTIONS)]  # socketpair: asyncio wakes by it
    kind = [(EQUAL, 1, 0, STREAM), (RETURN, 0, 0, REFUSE)]
    return [*_must_be(0, UNIX), *stream, *kind, (RETURN, 0, 0, ALLOW)]


def _must_be(argument: int, value: int, high: bool = False) -> list[Step]:
    where = ARGUMENTS + 8 * argument + (4 if high else 0)
    return [(LOAD, 0, 0, where), (EQUAL, 1, 0, value), (RETURN, 0, 0, REFUSE)]


def _one_of(argument: int, values: tuple[int, ...]) -> list[Step]:
    tests = [step for value in values for step in ((EQUAL, 0, 1, value), (RETURN, 0, 0, ALLOW))]
    return [(LOAD, 0, 0, ARGUMENTS + 8 * argument), *tests]


def _no_other_bits(argument: int, allowed: int) -> list[Step]:
    bits = 0xFFFFFFFF & ~allowed
    return [
        (LOAD, 0, 0, ARGUMENTS + 8 * argument),
        (ANY_BIT, 0, 1, bits),
        (RETURN, 0, 0, REFUSE),
        (RETURN, 0, 0, ALLOW),
    ]
