"""The app of `trivium bench`, and how a command calls its bench."""

from __future__ import annotations

from typing import Any

from cyclopts import App, Parameter

from trivium.journey.graph import load

FLAG = Parameter(negative=())
MANY = Parameter(negative=(), consume_multiple=True)

app = App(name="bench", help="Run a comparison with its controls; its figures go to docs/benchmarks.md.")


def weigh(entry: str, **given: Any) -> int:
    """Run the bench that `module:function` names; its exit code."""
    code = load(entry)(**given)
    return code if isinstance(code, int) else 0


def given(**options: Any) -> dict[str, Any]:
    """The options that were given: those left out have a default of the bench's own."""
    return {name: value for name, value in options.items() if value is not None}
