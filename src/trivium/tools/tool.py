"""What a tool is, and how one is called: arguments checked, errors as text, results capped and quoted as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trivium.ground.errors import TriviumError

LONGEST_RESULT = 4000
"""Characters of a result; what is beyond is cut, and that is said."""
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


class ToolTrouble(Exception):
    """A tool cannot do what was asked; its text is the result."""


@dataclass(frozen=True)
class Tool:
    """Something that a model or its user may call."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema of the arguments: an object of plain types."""
    call: Callable[[Mapping[str, Any]], str]

    @property
    def spec(self) -> dict[str, Any]:
        """Name, description and parameters, as a system prompt or an API shows them."""
        return {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}


@dataclass(frozen=True)
class Result:
    """What came of a call: always a text."""

    text: str
    failed: bool


def perform(tools: Sequence[Tool], name: str, arguments: Mapping[str, Any]) -> Result:
    """Call the tool of this name. Whatever goes wrong becomes the text of the result; nothing raises."""
    tool = next((tool for tool in tools if tool.name == name), None)
    if tool is None:
        known = ", ".join(tool.name for tool in tools) or "none"
        return Result(f"Error: there is no tool {name[:60]!r}. Tools: {known}.", True)
    wrong = misfit(tool.parameters, arguments)
    if wrong:
        return Result(f"Error: {wrong}.", True)
    try:
        return Result(capped(tool.call(arguments)), False)
    except ToolTrouble as error:
        return Result(capped(f"Error: {error}"), True)
    except TriviumError as error:
        return Result(capped(f"Error: {error.what} {error.mend}".strip()), True)
    except Exception as error:  # noqa: BLE001 - a model's call must not end the program; the kind alone is told
        return Result(f"Error: the tool {name} failed ({type(error).__name__}).", True)


def misfit(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """How the arguments differ from a schema of plain types; "" when they fit."""
    known: Mapping[str, Any] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in arguments:
            return f"the argument {name!r} is missing"
    for name, value in arguments.items():
        if name not in known:
            return f"there is no argument {str(name)[:60]!r}; there are {', '.join(known)}"
        kind = known[name].get("type", "string")
        if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind in ("integer", "number")):
            return f"the argument {name!r} is no {kind}"
    return ""


def capped(text: str) -> str:
    """The text, cut in its middle where it is too long."""
    if len(text) <= LONGEST_RESULT:
        return text
    head, tail = LONGEST_RESULT * 3 // 4, LONGEST_RESULT // 4
    return f"{text[:head]}\n[… {len(text) - head - tail} characters left out …]\n{text[-tail:]}"
