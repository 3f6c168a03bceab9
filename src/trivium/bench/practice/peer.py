"""A peer in a child process, as the bench sees it (`lines` has the other end)."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from trivium.bench.practice.lines import END, GO
from trivium.bench.training.nanochat import SOURCE
from trivium.ground.errors import UsageError

WAIT = 20.0
"""Seconds that a child has to leave."""


class CaseFailed(Exception):
    """A peer that is there could not do a case: a result, told as such."""


class Peer:
    """A child that runs cases, one after another, a turn each time it is asked."""

    def __init__(
        self, name: str, module: str, mend: str, log: Path, cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.name, self.mend, self.log = name, mend, log
        log.parent.mkdir(parents=True, exist_ok=True)
        paths = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH", "")]))
        own = {"PYTHONPATH": paths, "HF_HUB_DISABLE_TELEMETRY": "1"}
        own["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]  # one, as ours
        with log.open("wb") as errors:
            self._child = subprocess.Popen(
                [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=cwd,
                env=environment or os.environ | own, text=True,
            )  # fmt: skip

    def begin(self, case: Mapping[str, Any]) -> dict[str, Any]:
        """Make it ready for a case; the settings it tells. Raises UsageError where it is absent, and CaseFailed."""
        return self._ask(json.dumps(case))

    def turn(self) -> dict[str, Any]:
        """What its next turn took. Raises CaseFailed."""
        return self._ask(GO)

    def end(self) -> None:
        """Tell it that the case is over."""
        self._send(END)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(OSError):  # what could not be sent to a child that is gone
            if self._child.stdin is not None:
                self._child.stdin.close()
        try:
            self._child.wait(WAIT)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()

    def _send(self, line: str) -> None:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(line + "\n")
            self._child.stdin.flush()
        except OSError as error:
            raise self._gone() from error

    def _ask(self, line: str) -> dict[str, Any]:
        self._send(line)
        assert self._child.stdout is not None
        answer = self._child.stdout.readline()
        if not answer:
            raise self._gone()
        said: dict[str, Any] = json.loads(answer)
        if "absent" in said:
            raise UsageError(f"{self.name} cannot be run here: {said['absent']}.", self.mend)
        if "error" in said:
            raise CaseFailed(said["error"])
        return said

    def _gone(self) -> UsageError:
        code = self._child.wait(WAIT)
        return UsageError(f"{self.name} ended with code {code}.", self.log.read_text(errors="replace")[-2000:])


def trl(log: Path) -> Peer:
    """TRL, as it is installed beside us."""
    return Peer("TRL", "trivium.bench.practice.trl_child", "pip install trl, or --no-peers.", log)
