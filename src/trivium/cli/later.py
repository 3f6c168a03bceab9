"""Commands that later work fills in. They say so, with exit code 2, and what serves meanwhile."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from trivium.ground.errors import UsageError

ANYTHING = Annotated[str, Parameter(allow_leading_hyphen=True, show=False)]


def diagnose(*_arguments: ANYTHING) -> None:
    """Not there yet: which stage owns a surprising answer."""
    raise _later("diagnose", "`trivium quirks` and the report show each quirk at every stage.")


def _later(command: str, meanwhile: str) -> UsageError:
    return UsageError(f"`trivium {command}` is not there yet.", meanwhile)
