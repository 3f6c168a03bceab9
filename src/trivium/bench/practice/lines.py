"""How a peer in a child process speaks with its bench: a line each way, so that both take turns on one machine.

The bench sends a case as JSON; the peer makes itself ready (warm-up included), tells its settings and waits. At each
`go` it works once and tells what that took; any other line ends the case, and the next may come. What libraries print
goes to the error stream: the line to the bench is the peer's alone.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

GO, END = "go", "end"


class Line:
    """The peer's end of it."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def tell(self, **said: Any) -> None:
        """Send one object."""
        self._out.write(json.dumps(said) + "\n")
        self._out.flush()

    def go(self) -> bool:
        """Wait for the bench; whether there is another turn of this case."""
        return sys.stdin.readline().strip() == GO

    def case(self) -> dict[str, Any] | None:
        """The next case; None when the bench has hung up."""
        while line := sys.stdin.readline():
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
        return None


def serve(work: Callable[[dict[str, Any], Line], None], needs: Sequence[str], first: Sequence[str] = ()) -> None:
    """Give each case to `work`, which returns when the case has ended. What it raises is told, and the next case comes.

    Without one of the packages `needs` the peer is absent; any other error is a case that it cannot do. The modules
    `first` are loaded before the first case comes, while the bench is still making it.
    """
    line = Line()
    with contextlib.suppress(ImportError):  # told when a case wants it
        for name in first:
            importlib.import_module(name)
    while (asked := line.case()) is not None:
        try:
            work(asked, line)
        except Exception as error:  # noqa: BLE001 - whatever it is, the bench tells it in its table and goes on
            traceback.print_exc()
            if isinstance(error, ImportError) and (error.name or "").partition(".")[0] in needs:
                line.tell(absent=str(error))
            else:
                line.tell(error=f"{type(error).__name__}: {error}"[:500])
