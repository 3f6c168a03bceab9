"""Linux's system calls by name: their numbers on x86_64 and aarch64, and which of them foreign code may make.

What is not listed is refused. The numbers are the kernel's own interface and never change.
"""

from __future__ import annotations

NONE = -1
"""Stands for a call that an architecture does not have."""

FREE: dict[str, tuple[int, int]] = {
    # Reading, writing and waiting on what is already open.
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "lseek": (8, 62),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "readv": (19, 65),
    "writev": (20, 66),
    "dup": (32, 23),
    "dup2": (33, NONE),
    "dup3": (292, 24),
    "pipe": (22, NONE),
    "pipe2": (293, 59),
    "close_range": (436, 436),
    "poll": (7, NONE),
    "ppoll": (271, 73),
    "select": (23, NONE),
    "pselect6": (270, 72),
    "epoll_create": (213, NONE),
    "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21),
    "epoll_wait": (232, NONE),
    "epoll_pwait": (281, 22),
    "recvfrom": (45, 207),
    "shutdown": (48, 210),
    # Asking about files. Landlock, not this list, says which of them open.
    "stat": (4, NONE),
    "fstat": (5, 80),
    "lstat": (6, NONE),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "getdents64": (217, 61),
    "getcwd": (79, 17),
    # Memory of one's own.
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "mremap": (25, 216),
    "madvise": (28, 233),
    # Signals and timers of one's own; none can be sent.
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "rt_sigtimedwait": (128, 137),
    "sigaltstack": (131, 132),
    "pause": (34, NONE),
    "alarm": (37, NONE),
    "getitimer": (36, 102),
    "setitimer": (38, 103),
    "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115),
    "restart_syscall": (219, 128),
    # Time, identity, the end.
    "time": (201, NONE),
    "gettimeofday": (96, 169),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "gettid": (186, 178),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getpgrp": (111, NONE),
    "uname": (63, 160),
    "sysinfo": (99, 179),
    "getrusage": (98, 165),
    "times": (100, 153),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getrandom": (318, 278),
    "futex": (202, 98),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
"""Calls that may be made with any arguments."""

CHECKED: dict[str, tuple[int, int]] = {
    "openat": (257, 56),
    "fcntl": (72, 25),
    "ioctl": (16, 29),
    "socketpair": (53, 199),
    "sendto": (44, 206),
    "prlimit64": (302, 261),
}
"""Calls that may be made with some arguments only: `filter` says which."""

SCRATCH: dict[str, tuple[int, int]] = {
    "mkdir": (83, NONE),
    "mkdirat": (258, 34),
    "unlink": (87, NONE),
    "unlinkat": (263, 35),
    "rmdir": (84, NONE),
    "rename": (82, NONE),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "ftruncate": (77, 46),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
}
"""Calls for those who were given a scratch folder: Landlock keeps them inside it."""

ABSENT: dict[str, tuple[int, int]] = {"clone3": (435, 435), "rseq": (334, 293), "set_robust_list": (273, 99)}
"""Calls answered with ENOSYS, so that the C library takes another way."""

JAILING: dict[str, tuple[int, int]] = {
    "prctl": (157, 167),
    "seccomp": (317, 277),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    "capset": (126, 91),
    "unshare": (272, 97),
}
"""Calls that the jail makes while it is being built, before the filter forbids them."""

LAST_KNOWN = 470
"""Numbers above it belong to kernels newer than this list: ENOSYS, as an older kernel would say."""

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""For each machine that the filter is written for: the column of the tables, and the kernel's AUDIT_ARCH value."""


def number(machine: str, name: str) -> int:
    """The number of a system call that the jail makes. Raises KeyError for a machine or name that is not listed."""
    return JAILING[name][ARCHITECTURES[machine][0]]
