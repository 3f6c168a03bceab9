"""The zygote: a small Python that has imported what code usually needs, and waits; each run is a fork of it.

It is started as a program of its own, never forked from a process with threads and models in it. It speaks to its
owner over a socket: a message of one byte brings what a child is handed (job, outputs, channel) and a control socket,
over which the owner may ask for the run's death and on which its end is reported.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import sysconfig

from trivium.sandbox.child import live
from trivium.sandbox.jail import Walls, leave_namespaces

HANDED = 5
"""Descriptors in a message: job, stdout, stderr, channel, control."""
LEAST_HANDED = 4
NOT_FORKED = -(1 << 31)
"""Reported in the place of an end, when there was no process to end."""
WARM = """math cmath random re json collections itertools functools operator heapq bisect string datetime time calendar
decimal fractions statistics numbers typing dataclasses enum copy abc contextlib textwrap unicodedata hashlib base64
binascii struct array queue pprint difflib io asyncio traceback linecache ast zlib bz2 lzma secrets uuid types weakref
graphlib inspect html csv hmac keyword tokenize threading encodings.idna encodings.ascii encodings.latin_1
encodings.utf_16 encodings.utf_32 zoneinfo colorsys locale reprlib shlex fnmatch glob pathlib tempfile shutil
urllib.parse""".split()
NOT_LIBRARY = ("site-packages", "dist-packages", "__pycache__", "test", "idlelib", "ensurepip")


def main(owner: int, walled: bool) -> None:
    """Serve runs that come over the socket `owner`, until it is closed. First says what holds, as a line of JSON."""
    line = socket.socket(fileno=owner)
    machine = os.uname().machine
    walls: Walls | None = None
    try:
        extra = leave_namespaces(machine) if walled else ""
        warm()
        while os.open(os.devnull, os.O_RDWR) < LEAST_HANDED:  # what is handed must not lie where a child puts it
            pass
        walls = Walls(readable()) if walled else None
    except OSError as error:
        line.sendall(json.dumps({"trouble": str(error)}).encode() + b"\n")
        return
    line.sendall(json.dumps({"extra": extra}).encode() + b"\n")
    gc.collect()
    gc.freeze()
    Zygote(line, walls).serve()


def warm() -> None:
    """Import what code usually needs, fill the import system's caches, and forget where our own package is."""
    for name in WARM:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    sys.path[:] = [path for path in sys.path if os.path.isdir(path) and path.startswith(sysconfig.get_path("stdlib"))]
    with contextlib.suppress(ImportError):  # a failed import lists each folder of the path, and the lists stay
        importlib.import_module("no_such_module_of_trivium")
    os.environ.clear()


def readable() -> list[str]:
    """The standard library's files and folders, one by one: what others installed beside them is not among them."""
    library = sysconfig.get_path("stdlib")
    return [entry.path for entry in os.scandir(library) if entry.name not in NOT_LIBRARY]


class Zygote:
    """The loop: forks for each message, kills on request, reports each end."""

    def __init__(self, line: socket.socket, walls: Walls | None) -> None:
        self.line, self.walls = line, walls
        self.running: dict[int, socket.socket] = {}
        """Control sockets by process."""
        self.poll = select.poll()

    def serve(self) -> None:
        """Until the owner goes away; then every child is killed."""
        woken, wakes = socket.socketpair()
        woken.setblocking(False)
        wakes.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
        self.poll.register(self.line, select.POLLIN)
        self.poll.register(woken, select.POLLIN)
        while True:
            for ready, _ in self.poll.poll():
                if ready == woken.fileno():
                    with contextlib.suppress(BlockingIOError):
                        woken.recv(4096)
                    self.bury()
                elif ready != self.line.fileno():
                    self.heed(ready)
                elif not self.begin():
                    for process in self.running:
                        os.kill(process, signal.SIGKILL)
                    return

    def begin(self) -> bool:
        """Take one message and fork for it; False when the owner has gone."""
        message, handed, _, _ = socket.recv_fds(self.line, 1, HANDED)
        if not message:
            return False
        if len(handed) != HANDED:
            for one in handed:
                os.close(one)
            return True
        control = socket.socket(fileno=handed.pop())
        try:
            process = os.fork()
        except OSError:
            process = NOT_FORKED
        if process == 0:
            live(handed, self.walls)
        for one in handed:
            os.close(one)
        if process == NOT_FORKED:
            self.report(control, NOT_FORKED)
            return True
        self.running[process] = control
        self.poll.register(control, select.POLLIN)
        return True

    def heed(self, ready: int) -> None:
        """Whatever comes over a control socket, its closing too, asks for the death of the run."""
        for process, control in self.running.items():
            if control.fileno() == ready:
                self.poll.unregister(control)  # once is enough
                os.kill(process, signal.SIGKILL)  # not waited for yet, so the number is still its own
                return

    def bury(self) -> None:
        """Wait for every process that has ended, and report each."""
        for process in list(self.running):
            done, status = os.waitpid(process, os.WNOHANG)
            if done == process:
                control = self.running.pop(process)
                with contextlib.suppress(KeyError):
                    self.poll.unregister(control)
                self.report(control, os.waitstatus_to_exitcode(status))

    def report(self, control: socket.socket, end: int) -> None:
        """Tell the owner how a run ended, if it still listens."""
        with contextlib.suppress(OSError):
            control.sendall(struct.pack("<i", end))
        control.close()
