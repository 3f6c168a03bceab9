"""Marks that name a process for good, so that the leftovers of a dead one can be told from a living one's work.

A pid alone is used again (in a container often the same one), so a mark is the pid and the moment the process started.
"""

from __future__ import annotations

import os
from pathlib import Path


def mark(pid: int | None = None) -> str:
    """`<pid>.<start>` of a process (this one by default); the start is in clock ticks since boot, 0 where unknown."""
    pid = os.getpid() if pid is None else pid
    return f"{pid}.{_started(pid)}"


def alive(text: str) -> bool:
    """Whether the process that wrote this mark still runs. A text that is no mark counts as dead."""
    pid, _, started = text.partition(".")
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is there, but another user's
    return started == _started(int(pid))


def _started(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "0"
    # The name, in brackets, may hold spaces; the start time is field 22, the 20th after it.
    return text.rpartition(")")[2].split()[19]
