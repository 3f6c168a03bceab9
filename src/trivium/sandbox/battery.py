"""The escape battery: every probe run in the sandbox, judged by what it said and by what was touched outside."""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trivium.sandbox.box import CAP, Outcome, Sandbox
from trivium.sandbox.probes import FILES, NETWORK, PRELUDE, PROCESSES, Probe
from trivium.sandbox.probes_kernel import HUNGER, KERNEL, LIES

BATTERY = [*FILES, *NETWORK, *PROCESSES, *KERNEL, *HUNGER, *LIES]
WITNESS = "what nobody inside may read or change"
VARIABLE = "TRIVIUM_PROBE_SECRET"
SLACK = 20.0
"""Seconds beyond its limit after which a run counts as not stopped (machines can be busy)."""


@dataclass(frozen=True)
class Seen:
    """What came of one probe."""

    probe: Probe
    escaped: str
    """What got out, or went otherwise than it may; "" when it held."""
    outcome: Outcome


@dataclass
class Ground:
    """What is laid out for the probes to reach: a file, listeners, a secret."""

    folder: Path
    listeners: list[socket.socket] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)

    def touched(self) -> str:
        """What was reached or changed; "" when nothing was."""
        witness = self.folder / "witness"
        names = sorted(path.name for path in self.folder.iterdir())
        if names != ["datagrams", "socket", "witness"]:
            return f"the folder has {names}"
        if witness.read_text(encoding="utf-8") != WITNESS or witness.stat().st_mode & 0o777 != 0o600:
            return "the witness was changed"
        for listener in self.listeners:
            with contextlib.suppress(BlockingIOError):
                if listener.type == socket.SOCK_DGRAM:
                    listener.recv(16)
                else:
                    listener.accept()[0].close()
                return f"{listener.getsockname()} was reached"
        return ""


@contextlib.contextmanager
def laid_out() -> Iterator[Ground]:
    """The ground, with its listeners; gone afterwards. The secret is in this process's environment meanwhile."""
    with tempfile.TemporaryDirectory(prefix="ground-") as name, contextlib.ExitStack() as stack:
        ground = Ground(Path(name))
        witness = ground.folder / "witness"
        witness.write_text(WITNESS, encoding="utf-8")
        witness.chmod(0o600)
        abstract = f"\0{name}"
        tcp = socket.create_server(("127.0.0.1", 0))
        port = tcp.getsockname()[1]
        ground.listeners = [tcp, *(socket.socket(family, kind) for family, kind, _ in _places(port, name, abstract))]
        for listener in ground.listeners:
            stack.enter_context(listener)
            listener.setblocking(False)
        for listener, (_, kind, place) in zip(ground.listeners[1:], _places(port, name, abstract), strict=True):
            listener.bind(place)
            if kind == socket.SOCK_STREAM:
                listener.listen()
        package = next(Path(sysconfig.get_path("purelib")).glob("*/__init__.py"), Path(__file__))
        ground.given = {
            "witness": str(witness),
            "folder": name,
            "home": str(Path.home()),
            "port": port,
            "socket": f"{name}/socket",
            "abstract": abstract,
            "datagrams": f"{name}/datagrams",
            "owner": os.getpid(),
            "package": str(package),
            "variable": VARIABLE,
        }
        os.environ[VARIABLE] = "secret"
        stack.callback(os.environ.pop, VARIABLE, None)
        yield ground


def _places(port: int, folder: str, abstract: str) -> list[tuple[int, int, Any]]:
    """Family, kind and address of each listener but the first."""
    return [
        (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port)),
        (socket.AF_UNIX, socket.SOCK_STREAM, f"{folder}/socket"),
        (socket.AF_UNIX, socket.SOCK_STREAM, abstract),
        (socket.AF_UNIX, socket.SOCK_DGRAM, f"{folder}/datagrams"),
    ]


def besiege(sandbox: Sandbox, probes: list[Probe], ground: Ground) -> Iterator[Seen]:
    """Run the probes one after another; what came of each as it is known."""
    for probe in probes:
        outcome = sandbox.run(program(probe, ground), seconds=probe.seconds, scratch=probe.scratch)
        yield Seen(probe, judged(probe, outcome) or ground.touched(), outcome)


def program(probe: Probe, ground: Ground) -> str:
    """The probe's code with all that stands before and after it."""
    given = f"G.update({ground.given!r})\nG['scratch'] = SCRATCH\n"
    return f"{PRELUDE}{given}{probe.code}" + ("\nprint('TRIED')\n" if probe.finishes == ("ok",) else "")


def judged(probe: Probe, outcome: Outcome) -> str:
    """What is wrong with a probe's outcome; "" when it held."""
    said = outcome.stdout + outcome.stderr
    if "ESCAPED" in said:
        return next(line for line in said.splitlines() if "ESCAPED" in line)
    if outcome.finish not in probe.finishes:
        return f"finished as {outcome.finish}, not {' or '.join(probe.finishes)}: {said[-200:]}"
    if probe.reaches_end and "TRIED" not in outcome.stdout:
        return f"the probe itself broke: {said[-200:]}"
    if len(outcome.stdout.encode()) > 3 * CAP or len(outcome.stderr.encode()) > 3 * CAP:
        return "more output than the cap"
    if outcome.value is not None and "forged" in outcome.value:
        return "a forged value"
    return "not stopped in time" if outcome.seconds > probe.seconds + SLACK else ""


def pace(sandbox: Sandbox, runs: int = 200) -> tuple[float, float]:
    """Milliseconds of a small run on the warm sandbox: the median, and the 95th percentile."""
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        sandbox.run("print(sum(range(1000)))")
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
