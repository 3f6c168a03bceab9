"""The sandbox: foreign code in, what it printed and how it finished out; or a function's answers to questions.

Each run is a fresh fork of a warm zygote behind Landlock, seccomp and limits; several threads may run at once. What a
run says of itself is never believed beyond its own business: a run's value and finish are its own claims, a call's
answers are data to be compared by the caller, who alone knows what is right.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import trivium
from trivium.ground.config import check
from trivium.ground.errors import TriviumError, UsageError
from trivium.sandbox.answers import Answers, Questions
from trivium.sandbox.tier import Tier, tier
from trivium.sandbox.watch import CAP, Ends, Watch

Finish = Literal["ok", "error", "timeout", "memory", "output", "killed"]
BOOT = """import sys
sys.path.append(sys.argv[3])
from trivium.sandbox.zygote import main
main(int(sys.argv[1]), sys.argv[2] == "walled")"""
SECONDS, MEMORY = 5.0, 256 << 20
LONGEST_CODE, LONGEST_INPUT = 1 << 20, 16 << 20
START_SECONDS = 60
FOLDER_BYTES, FOLDER_FILES = 64 << 20, 1000
CONFIRM = """
held = 0
for act in (lambda: open("/etc/passwd"), lambda: open("/tmp/x", "w"), lambda: __import__("os").fork(),
            lambda: __import__("_socket").socket(2, 1), lambda: __import__("os").kill(__import__("os").getppid(), 0)):
    try:
        act()
    except OSError:
        held += 1
print(held)
"""


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    stdout: str
    stderr: str
    value: str | None
    """The repr of the last line where that is an expression, as in a notebook; None otherwise."""
    finish: Finish
    """ok · error (an exception, told in stderr) · timeout · memory · output (printed too much, or broke the protocol of
    the channel) · killed (by a signal, or gone without a word)."""
    seconds: float


class Unheld(UsageError):
    """Foreign code cannot be held on this machine, and nobody typed that it should run all the same."""


class Sandbox:
    """A warm zygote and the runs forked from it. A context manager; its methods may be called from several threads.

    `unsafe` runs code where the kernel cannot hold it, with limits only: the caller's user typed `--unsafe-exec`. On a
    kernel that can, `unsafe` changes nothing. Raises Unheld where code cannot be held.
    """

    def __init__(self, unsafe: bool = False) -> None:
        self.tier: Tier = tier()
        if not self.tier.holds and not unsafe:
            raise Unheld(
                f"This machine cannot hold foreign code: {self.tier.reason}.",
                "--unsafe-exec runs it all the same, with all that you may do: files, network, programs.",
            )
        self._lock = threading.Lock()
        self._zygote: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self.extra = ""
        """What holds beyond the tier."""

    def __enter__(self) -> Self:
        """Start the zygote and see for oneself that the walls hold."""
        with self._lock:
            self._start()
        if self.tier.holds:
            seen = self.run(CONFIRM, seconds=30)
            if seen.stdout != "5\n":
                self.close()
                raise Unheld(
                    f"The walls do not hold here: {seen.finish}, {seen.stdout or seen.stderr!r}.",
                    "See `trivium doctor sandbox`.",
                )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the zygote and every run."""
        self.close()

    def close(self) -> None:
        """End the zygote; runs that still go are killed with it."""
        with self._lock:
            self._stop()

    def run(
        self, code: str, stdin: str = "", *, seconds: float = SECONDS, memory: int = MEMORY, scratch: bool = False
    ) -> Outcome:
        """Run a program. `memory` in bytes; with `scratch`, it has a private folder, whose path
        its variable `SCRATCH` holds (64 MiB and 1000 files, looked at twenty times a second).

        Raises UsageError for limits or texts out of bounds; nothing that the code does raises.
        """
        nonce = secrets.token_hex(16)
        ending: dict[str, Any] = {}

        def hear(line: bytes) -> bytes | None:
            said = _object(line)
            if "trouble" in said and not ending:
                ending.update(said)
            elif said.get("nonce") == nonce and not ending and said.get("finish") in ("ok", "error", "memory"):
                ending.update(said)
            return None

        with _folder(scratch) as folder:
            about = {"nonce": nonce, "scratch": folder}
            watch, took = self._watched(about, code, stdin, seconds, memory, hear, folder)
        return _outcome(watch, took, ending)

    def call(
        self,
        code: str,
        function: str,
        inputs: Sequence[Sequence[Any]],
        *,
        seconds: float = SECONDS,
        memory: int = MEMORY,
    ) -> Answers:
        """Load the code, then call its `function` with each of `inputs` (lists of plain JSON), all in one process.

        Each question is asked only when the one before it was answered, with a nonce of its own: an answer that comes
        early, twice or with another nonce makes the whole call fail. Nothing printed can be taken for an answer.
        """
        questions = Questions(inputs)
        about = {"nonce": questions.opening, "scratch": None, "function": function}
        watch, took = self._watched(about, code, "", seconds, memory, questions.hear, None)
        ending = questions.ending if questions.ending.get("finish") != "ok" or questions.complete else {}
        return Answers(tuple(questions.answers), _outcome(watch, took, ending), watch.foul)

    def _watched(
        self,
        about: dict[str, Any],
        code: str,
        stdin: str,
        seconds: float,
        memory: int,
        hear: Any,
        folder: str | None,
    ) -> tuple[Watch, float]:
        check(0 < seconds <= 3600, "seconds", seconds, "Give more than 0 and at most 3600.")
        check(1 << 20 <= memory <= 1 << 40, "memory", memory, "Give at least 1 MiB, in bytes.")
        body, given = code.encode("utf-8", "replace"), stdin.encode("utf-8", "replace")
        if len(body) > LONGEST_CODE or len(given) > LONGEST_INPUT:
            raise UsageError(
                f"The code has {len(body)} bytes and its input {len(given)}.",
                f"Up to {LONGEST_CODE} and {LONGEST_INPUT} are taken.",
            )
        job = _handed(
            json.dumps({**about, "seconds": seconds, "memory": memory, "bytes": len(body)}).encode()
            + b"\n"
            + body
            + given
        )
        ends, line = self._launch(job)
        watch = Watch(ends, seconds, hear, _within(folder))
        started = time.monotonic()
        try:
            watch.until_gone()
        finally:
            ends.close()
        if watch.end is None:
            with self._lock:
                if self._line is line:  # another run may have replaced a broken zygote already
                    self._stop()
        return watch, time.monotonic() - started

    def _launch(self, job: int) -> tuple[Ends, socket.socket]:
        """Hand a job to the zygote: our ends of what the run was handed, and which zygote it was.

        A zygote that has died is started anew.
        """
        out, their_out = os.pipe()
        errors, their_errors = os.pipe()
        channel, their_channel = socket.socketpair()
        control, their_control = socket.socketpair()
        handed = [job, their_out, their_errors, their_channel.fileno(), their_control.fileno()]
        ends = Ends(out, errors, channel, control)
        try:
            with self._lock:
                if self._line is None:
                    self._start()
                try:
                    socket.send_fds(self._open_line(), [b"r"], handed)
                except OSError:
                    self._stop()
                    self._start()
                    socket.send_fds(self._open_line(), [b"r"], handed)
                line = self._open_line()
        except BaseException:
            ends.close()
            raise
        finally:
            for one in (job, their_out, their_errors):
                os.close(one)
            their_channel.close()
            their_control.close()
        return ends, line

    def _open_line(self) -> socket.socket:
        assert self._line is not None
        return self._line

    def _start(self) -> None:
        """Start the zygote as a program of its own (the process we are in may have threads, models and secrets)."""
        ours, theirs = socket.socketpair()
        package = str(Path(trivium.__file__).parents[1])
        walled = "walled" if self.tier.holds else "open"
        command = [sys.executable, "-s", "-S", "-P", "-B", "-c", BOOT, str(theirs.fileno()), walled, package]
        quiet = subprocess.DEVNULL
        clean = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "TZ": "UTC0"}
        with theirs:
            self._zygote = subprocess.Popen(
                command,
                env=clean,
                cwd="/",
                stdin=quiet,
                stdout=quiet,
                stderr=quiet,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        ours.settimeout(START_SECONDS)
        self._line = ours
        try:
            hello = _object(ours.makefile("rb").readline(10_000))
        except OSError:
            hello = {}
        ours.settimeout(None)
        if "extra" not in hello:
            self._stop()
            raise Unheld(f"The sandbox does not start: {hello.get('trouble', 'it says nothing')}.", "")
        self.extra = hello["extra"]

    def _stop(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._zygote is not None:
            try:
                self._zygote.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._zygote.kill()
                self._zygote.wait()
            self._zygote = None


PATIENCE = 5.0
"""Seconds for the zygote to go by itself."""


def _outcome(watch: Watch, took: float, ending: dict[str, Any]) -> Outcome:
    """How a run finished, from what was seen of it first, and only then from what it said."""
    if "trouble" in ending:
        raise SandboxBroken(f"A run could not be walled in: {ending['trouble']}.", "See `trivium doctor sandbox`.")
    finish: Finish = "killed"
    if watch.why == "timeout" or watch.end == -signal.SIGXCPU:
        finish = "timeout"
    elif watch.why in ("output", "foul"):
        finish = "output"
    elif watch.end == 0 and ending:
        finish = ending["finish"]
    value = ending.get("value") if finish == "ok" else None
    out, errors = (bytes(text).decode("utf-8", "replace") for text in (watch.out, watch.errors))
    return Outcome(out, errors, value if isinstance(value, str) else None, finish, took)


class SandboxBroken(TriviumError):
    """A wall failed to go up, so the code was not run."""


def _object(line: bytes) -> dict[str, Any]:
    """A line of JSON as an object; an empty one for all else."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _handed(content: bytes) -> int:
    """A file in memory with this content, which its reader cannot change."""
    sealed = hasattr(os, "memfd_create")
    made = os.memfd_create("job", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING) if sealed else _unnamed()
    view = memoryview(content)
    while view:
        view = view[os.write(made, view) :]
    if sealed:
        fcntl.fcntl(made, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return made


def _unnamed() -> int:
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


@contextlib.contextmanager
def _folder(wanted: bool) -> Any:
    """A private folder for one run, gone afterwards; None when none is wanted."""
    if not wanted:
        yield None
        return
    folder = tempfile.mkdtemp(prefix="scratch-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _within(folder: str | None) -> Any:
    """Whether a scratch folder is still as small as it may be."""

    def small() -> bool:
        if folder is None:
            return True
        files, size = 0, 0
        for place, folders, names in os.walk(folder):
            files += len(folders) + len(names)
            for name in names:
                with contextlib.suppress(OSError):
                    size += os.lstat(os.path.join(place, name)).st_size
        return files <= FOLDER_FILES and size <= FOLDER_BYTES

    return small


__all__ = ["CAP", "Finish", "Outcome", "Sandbox", "SandboxBroken", "Unheld"]
