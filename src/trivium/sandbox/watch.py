"""The owner's side of one run: what it prints is read up to a cap, its lines are heard, its time is kept."""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

CAP = 64_000
"""Bytes read of each of stdout and stderr before the run is killed."""
CHANNEL_CAP = 1 << 20
"""Bytes in one line over the channel."""
PATIENCE = 5.0
"""Seconds in which the zygote must report a run that was killed."""
STEP = 0.05
"""Seconds between two looks at a scratch folder."""


class Foul(Exception):
    """Something came over the channel that no honest run sends."""


@dataclass
class Ends:
    """The owner's ends of what a run was handed."""

    out: int
    errors: int
    channel: socket.socket
    control: socket.socket

    def close(self) -> None:
        """Let go of all of them; a run that still lives is killed by it."""
        os.close(self.out)
        os.close(self.errors)
        self.channel.close()
        self.control.close()


@dataclass
class Watch:
    """One run, watched until it is gone."""

    ends: Ends
    seconds: float
    hear: Callable[[bytes], bytes | None]
    """Given each line of the channel, says what to send: b"" closes our side, None sends nothing. May raise Foul."""
    within: Callable[[], bool] = lambda: True
    """Asked now and then: does the run keep to what it may use of the disk?"""
    why: str = "ended"
    """`ended`, or why it was killed: `timeout`, `output`, `foul`."""
    foul: str = ""
    end: int | None = None
    """The exit code, or minus the signal; None: the zygote died."""
    out: bytearray = field(default_factory=bytearray)
    errors: bytearray = field(default_factory=bytearray)
    heard: bytearray = field(default_factory=bytearray)
    unsent: bytes = b""

    def until_gone(self) -> None:
        """Read and answer until the run is reported gone and all that it wrote is read."""
        poll = select.poll()
        for one in (self.ends.out, self.ends.errors, self.ends.channel.fileno(), self.ends.control.fileno()):
            poll.register(one, select.POLLIN)
        open_ends = {self.ends.out, self.ends.errors, self.ends.channel.fileno(), self.ends.control.fileno()}
        deadline = time.monotonic() + self.seconds
        while open_ends:
            left = deadline - time.monotonic()
            if left <= 0:
                if self.why != "ended" or self.ends.control.fileno() not in open_ends:
                    return  # killed and not reported: the zygote is broken; or all that is left is a stray end
                self.kill("timeout")
                deadline = time.monotonic() + PATIENCE
                continue
            for ready, events in poll.poll(max(1, min(left, STEP) * 1000)):
                if events & select.POLLOUT:
                    self.send(poll)
                if events & ~select.POLLOUT and not self.take(ready, poll):
                    poll.unregister(ready)
                    open_ends.discard(ready)
            if self.why == "ended" and not self.within():
                self.kill("output")
            if self.why != "ended":
                deadline = min(deadline, time.monotonic() + PATIENCE)

    def take(self, ready: int, poll: select.poll) -> bool:
        """Read what is there; False when this end has closed."""
        if ready == self.ends.control.fileno():
            report = self._received(self.ends.control)
            if len(report) == 4:
                self.end = struct.unpack("<i", report)[0]
            return bool(report)
        if ready == self.ends.channel.fileno():
            piece = self._received(self.ends.channel)
            self.listen(piece, poll)
            return bool(piece)
        piece = os.read(ready, 65_536)
        kept = self.out if ready == self.ends.out else self.errors
        kept += piece[: CAP - len(kept)]
        if len(kept) >= CAP and len(piece):
            self.kill("output")
        return bool(piece)

    def listen(self, piece: bytes, poll: select.poll) -> None:
        """Cut the channel into lines, and let each be heard."""
        self.heard += piece
        while self.why == "ended" and b"\n" in self.heard:
            line, _, rest = bytes(self.heard).partition(b"\n")
            self.heard = bytearray(rest)
            try:
                said = self.hear(line)
            except Foul as error:
                self.kill("foul", str(error))
                return
            if said == b"":
                self.ends.channel.shutdown(socket.SHUT_WR)
            elif said:
                self.unsent += said
                self.send(poll)
        if len(self.heard) > CHANNEL_CAP:
            self.kill("foul", "an answer that is too long")

    def send(self, poll: select.poll) -> None:
        """Send what the channel takes now; the rest when it takes more."""
        try:
            self.unsent = self.unsent[self.ends.channel.send(self.unsent, socket.MSG_DONTWAIT) :]
        except BlockingIOError:
            pass
        except OSError:  # gone; its end will be reported
            self.unsent = b""
        poll.modify(self.ends.channel.fileno(), select.POLLIN | (select.POLLOUT if self.unsent else 0))

    def kill(self, why: str, foul: str = "") -> None:
        """Ask the zygote for this run's death, once."""
        if self.why == "ended":
            self.why, self.foul = why, foul
            try:
                self.ends.control.send(b"k")
            except OSError:  # it is gone already
                return

    @staticmethod
    def _received(end: socket.socket) -> bytes:
        try:
            return end.recv(65_536)
        except ConnectionResetError:  # closed with our question unread
            return b""
