"""The system call filter, read by an interpreter of BPF: on both machines exactly the listed calls get through."""

from __future__ import annotations

import fcntl
import os

import pytest
from bpf import verdict

from trivium.sandbox.filter import ALLOW, KILL, NO_SUCH_CALL, REFUSE, program
from trivium.sandbox.syscalls import ABSENT, ARCHITECTURES, CHECKED, FREE, JAILING, LAST_KNOWN, NONE, SCRATCH

MACHINES = sorted(ARCHITECTURES)


@pytest.mark.parametrize("scratch", [False, True])
@pytest.mark.parametrize("machine", MACHINES)
def test_a_call_that_is_not_listed_is_refused(machine: str, scratch: bool) -> None:
    column, architecture = ARCHITECTURES[machine]
    steps = program(machine, scratch)
    assert len(steps) // 8 <= 4096
    free = {n[column] for n in FREE.values()} | ({n[column] for n in SCRATCH.values()} if scratch else set())
    absent = {n[column] for n in ABSENT.values()}
    checked = {n[column] for n in CHECKED.values()}
    assert not (free & absent - {NONE}) and not free & checked
    for number in range(LAST_KNOWN + 1):
        if number not in checked:
            expected = ALLOW if number in free else NO_SUCH_CALL if number in absent else REFUSE
            assert verdict(steps, architecture, number, (2**64 - 1,) * 6) == expected, number
    assert verdict(steps, architecture, LAST_KNOWN + 1) == NO_SUCH_CALL
    assert verdict(steps, architecture, 0x40000000) == KILL
    assert all(
        verdict(steps, other, 0) == KILL for other in (0x40000003, 0xC000003E, 0xC00000B7) if other != architecture
    )


@pytest.mark.parametrize("machine", MACHINES)
def test_what_builds_the_jail_cannot_be_called_inside_it(machine: str) -> None:
    column, architecture = ARCHITECTURES[machine]
    steps = program(machine, scratch=True)
    assert all(verdict(steps, architecture, n[column]) == REFUSE for n in JAILING.values())


@pytest.mark.parametrize("machine", MACHINES)
def test_the_calls_with_conditions(machine: str) -> None:
    column, architecture = ARCHITECTURES[machine]

    def said(name: str, *arguments: int, scratch: bool = False) -> bool:
        return verdict(program(machine, scratch), architecture, CHECKED[name][column], arguments) == ALLOW

    reads = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY
    assert said("openat", 0, 0, reads)
    for flags in (
        os.O_WRONLY,
        os.O_RDWR,
        os.O_CREAT,
        os.O_TRUNC,
        os.O_APPEND,
        os.O_PATH,
        os.O_TMPFILE & ~os.O_DIRECTORY,
    ):
        assert not said("openat", 0, 0, reads | flags)
    assert said("openat", 0, 0, os.O_RDWR | os.O_CREAT | os.O_EXCL, scratch=True)
    assert not said("openat", 0, 0, os.O_PATH, scratch=True)
    assert said("fcntl", 3, fcntl.F_GETFL) and not said("fcntl", 3, fcntl.F_SETOWN)
    assert not said("fcntl", 3, 15) and not said("fcntl", 3, 1031)  # F_SETOWN_EX, F_SETPIPE_SZ
    assert said("ioctl", 1, 0x5401) and not said("ioctl", 1, 0x5412)  # TIOCSTI types on a terminal
    assert (
        said("sendto", 3, 1, 1, 0, 0) and not said("sendto", 3, 1, 1, 0, 1) and not said("sendto", 3, 1, 1, 0, 1 << 32)
    )
    assert said("prlimit64", 0, 7, 0, 1) and not said("prlimit64", 1, 7, 0) and not said("prlimit64", 0, 7, 1 << 40)
    assert said("socketpair", 1, 1) and said("socketpair", 1, 1 | os.O_CLOEXEC | os.O_NONBLOCK)
    assert not said("socketpair", 1, 2) and not said("socketpair", 2, 1) and not said("socketpair", 1, 5)
