"""Short snippets in Monty, an interpreter in Rust without files, network or programs: a fraction of a millisecond.

It knows a part of Python. So only what surely means the same is taken from it: a snippet that ended well, whose value
is a plain number or text, and which names no module outside a short list. All else is for the full sandbox to say.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from trivium.sandbox.box import MEMORY, SECONDS, Outcome

if TYPE_CHECKING:
    from pydantic_monty import CollectString, Monty, MontyRuntimeError

MODULES = frozenset(["math", "json", "re"])
"""Modules that a snippet may name: what they give is the same as CPython's."""
IMPORT = re.compile(r"\b(?:import|from)\s+([\w.]+)")
UNSURE = re.compile(
    r"\b(?:import\s+[\w.]+\s*,|set|frozenset"
    r"|hash|id|__\w+__|input|stdin|open|time|globals|locals|SCRATCH|round|format)\b|[{]"
)
"""What may come out otherwise than in CPython or is not there: sets' order, addresses, input. Monty 1.4 rounds 2.675 to
2.68 (CPython: 2.67)."""
LONGEST_SNIPPET = 4_000
LONGEST_OUTPUT = 64_000
DEEPEST = 900
"""Calls in calls, somewhat below CPython's thousand: beyond it, CPython is asked."""
BACKSTOP = 2.0
"""Seconds after its limit at which a worker that does not stop is killed by its pool."""


class Snippets:
    """A pool of Monty's workers. A context manager; its method may be called from several threads."""

    def __init__(self, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self.seconds, self.memory = seconds, memory
        self._pool: Monty | None = None

    def __enter__(self) -> Self:
        """Start the pool."""
        from pydantic_monty import Monty

        self._pool = Monty(min_processes=1, max_processes=8, request_timeout=self.seconds + BACKSTOP).__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the workers."""
        if self._pool is not None:
            self._pool.__exit__(kind, error, trace)
            self._pool = None

    def run(self, code: str) -> Outcome | None:
        """What came of a snippet; None where the full sandbox has to say."""
        if not simple(code):
            return None
        seen = self.attempt(code)
        if seen.finish in ("timeout", "memory", "output"):
            return seen
        return replace(seen, value=seen.value or None) if seen.finish == "ok" and seen.value is not None else None

    def attempt(self, code: str) -> Outcome:
        """What Monty makes of any code: for machines where nothing else can be run. `value` is "" for none to show.

        Its errors may be gaps of Monty's, not the code's.
        """
        from pydantic_monty import CollectString, MontyCrashedError, MontyError, MontyRuntimeError

        assert self._pool is not None, "Snippets is a context manager"
        printed = CollectString(max_bytes=LONGEST_OUTPUT)
        limits = {"max_feed_duration_secs": self.seconds, "max_memory": self.memory, "max_recursion_depth": DEEPEST}
        started = time.monotonic()

        def ended(finish: str, said: str = "", value: str | None = None) -> Outcome:
            return Outcome(printed.output, said, value, finish, time.monotonic() - started)  # type: ignore[arg-type]

        try:
            with self._pool.checkout(limits=limits) as session:  # type: ignore[arg-type]
                value = session.feed_run(code, print_callback=printed)
        except MontyRuntimeError as error:
            return ended(*_finish(error, printed))
        except MontyCrashedError:
            return ended("timeout")
        except MontyError as error:
            return ended("error", f"{error}\n")
        plain = type(value) in (int, float, bool, str) and not str(value).startswith("<")  # a function comes as a text
        return ended("ok", "", "" if value is None else repr(value) if plain else None)


def simple(code: str) -> bool:
    """Whether a snippet is short and names nothing that could come out otherwise than in CPython."""
    if len(code) > LONGEST_SNIPPET or UNSURE.search(code):
        return False
    return all(name in MODULES for name in IMPORT.findall(code))


def _finish(error: MontyRuntimeError, printed: CollectString) -> tuple[str, str]:
    said = f"{error}"
    if said.startswith("TimeoutError: feed time limit"):
        return "timeout", ""
    if said.startswith("MemoryError"):
        return ("output" if len(printed.output) > LONGEST_OUTPUT // 2 else "memory"), ""
    return "error", said + "\n"
