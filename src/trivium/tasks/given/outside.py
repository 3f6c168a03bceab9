"""A child process for other packages' verifiers: one question at a time, with a time limit and a memory limit.

They use signals, may run for ever or fill memory, and must not take a training run with them. The child is no sandbox:
only texts that our own readers let through are sent, and verifiers that evaluate texts as code are refused by name.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trivium
from trivium.ground.errors import UsageError

BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from trivium.tasks.given.child import main; main(sys.argv[2])"
START_SECONDS = 120.0
"""Loading the packages may take long on a busy machine."""


class NoAnswer(Exception):
    """The child was too slow, ran out of memory, or its verifier failed."""


class Outside:
    """A child process that serves questions of one kind (`math` or `gym`). Started at the first question.

    Several threads may ask; they wait for each other.
    """

    def __init__(self, kind: str, extra: str) -> None:
        self.kind, self.extra = kind, extra
        self._child: subprocess.Popen[bytes] | None = None
        self._heard = b""
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, seconds: float, **arguments: Any) -> Any:
        """The answer to a question, plain JSON. Raises NoAnswer, and UsageError where the package is not installed."""
        with self._lock:
            child = self._started()
            assert child.stdin is not None
            try:
                child.stdin.write(json.dumps(arguments).encode() + b"\n")
                child.stdin.flush()
            except OSError as error:
                self.close()
                raise NoAnswer("the child is gone") from error
            reply = self._line(seconds)
        if "error" in reply:
            raise NoAnswer(str(reply["error"]))
        return reply["value"]

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None
        self._heard = b""

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            package = str(Path(trivium.__file__).parents[1])
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-c", BOOT, package, self.kind],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            hello = self._line(START_SECONDS)
            if hello.get("value") != "ready":
                self.close()
                raise UsageError(
                    f"{self.extra} cannot be loaded: {hello.get('error', 'no word')}.",
                    f"Install it: pip install 'trivium[{self.extra}]'.",
                )
        return self._child

    def _line(self, seconds: float) -> dict[str, Any]:
        """The child's next line. It is killed when that takes too long; NoAnswer then, and when it has died."""
        assert self._child is not None and self._child.stdout is not None
        deadline = time.monotonic() + seconds
        stream = self._child.stdout
        while b"\n" not in self._heard:
            ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
            piece = stream.read1(65_536) if ready else b""  # type: ignore[attr-defined]
            if not piece:
                self.close()
                raise NoAnswer("too slow" if not ready else "the child has died")
            self._heard += piece
        line, _, self._heard = self._heard.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found
