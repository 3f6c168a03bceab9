"""The tools there are: `calculator`, `python`, `search=FOLDER` (`open` comes with it), open for as long as needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trivium.ground.errors import UsageError
from trivium.tools.calculator import CannotCalculate, calculate
from trivium.tools.tool import Tool, ToolTrouble

if TYPE_CHECKING:
    from trivium.index.search import Searcher
    from trivium.sandbox.box import Outcome, Sandbox
    from trivium.sandbox.snippets import Snippets

SECONDS = 5.0
"""How long a program of the Python tool may run."""
NAMES = "calculator, python, search=FOLDER"
ENDINGS = {
    "timeout": f"The program was stopped after {SECONDS:g} seconds.",
    "memory": "The program ran out of memory.",
    "output": "The program was stopped: it printed too much.",
    "killed": "The program ended without a word.",
}


@contextlib.contextmanager
def opened(wanted: Sequence[str], unsafe: bool = False) -> Iterator[list[Tool]]:
    """The tools of these names, ready to be called; closed afterwards.

    Raises UsageError for unknown names, Unheld where Python cannot be held and `unsafe` is False (short snippets
    alone would still go, but a tool that does half is none), ArtifactError for a folder that is no index.
    """
    with contextlib.ExitStack() as stack:
        tools: list[Tool] = []
        for name in dict.fromkeys(wanted):
            kind, _, where = name.partition("=")
            if kind == "calculator" and not where:
                tools.append(calculator())
            elif kind == "python" and not where:
                from trivium.sandbox.box import Sandbox
                from trivium.sandbox.snippets import Snippets

                box = stack.enter_context(Sandbox(unsafe))
                tools.append(python(box, stack.enter_context(Snippets(SECONDS))))
            elif kind == "search" and where:
                from trivium.index.search import Searcher

                found = Searcher(Path(where))
                tools += [search(found), open_document(found)]
            else:
                raise UsageError(f"There is no tool {name!r}.", f"Tools: {NAMES}.")
        yield tools


def calculator() -> Tool:
    """Exact arithmetic."""

    def call(given: Mapping[str, Any]) -> str:
        try:
            return calculate(given["expression"]).text
        except CannotCalculate as error:
            raise ToolTrouble(str(error)) from error

    return Tool(
        "calculator",
        "Exact arithmetic and comparisons: + - * / // % ** ( ) < > =, percent, sqrt, round, factorial, min, max, gcd.",
        _object(expression=("string", "Such as 348*619 or 9.9 > 9.11")),
        call,
    )


def python(box: Sandbox, snippets: Snippets | None = None) -> Tool:
    """Python programs in the sandbox; short plain ones in Monty."""

    def call(given: Mapping[str, Any]) -> str:
        seen = snippets.run(given["code"]) if snippets is not None else None
        return shown(seen if seen is not None else box.run(given["code"], seconds=SECONDS))

    return Tool(
        "python",
        "Run a Python program without files or network; what it prints comes back, and its last line's value.",
        _object(code=("string", "The program")),
        call,
    )


def shown(seen: Outcome) -> str:
    """What a program printed, its value and its errors, as one text."""
    parts = [seen.stdout.rstrip("\n"), seen.value or "", seen.stderr.rstrip("\n"), ENDINGS.get(seen.finish, "")]
    return "\n".join(part for part in parts if part) or "(The program printed nothing.)"


def search(found: Searcher) -> Tool:
    """Search over an index of documents."""

    def call(given: Mapping[str, Any]) -> str:
        hits = found.search(given["query"])
        lines = [f"[{hit.id}] {hit.title}{f' · {hit.url}' if hit.url else ''}\n{hit.snippet}" for hit in hits]
        return "\n\n".join(lines) or "Nothing was found."

    return Tool(
        "search",
        "Search the user's documents. Each hit begins with its document's id in brackets: cite documents so.",
        _object(query=("string", "Words to look for")),
        call,
    )


def open_document(found: Searcher) -> Tool:
    """Read a document of an index."""

    def call(given: Mapping[str, Any]) -> str:
        page = found.open(given["id"], given.get("page", 1))
        head = f"[{page.id}] {page.title}{f' · {page.url}' if page.url else ''} · page {page.page} of {page.pages}"
        return f"{head}\n{page.text}"

    return Tool(
        "open",
        "Read a document that search has found, a page at a time.",
        _object(["id"], id=("string", "The document's id"), page=("integer", "Which page; the first is 1")),
        call,
    )


def _object(required: Sequence[str] | None = None, **fields: tuple[str, str]) -> dict[str, Any]:
    """A JSON schema of an object: name = (type, description); all are required unless said otherwise."""
    properties = {name: {"type": kind, "description": told} for name, (kind, told) in fields.items()}
    return {"type": "object", "properties": properties, "required": list(fields if required is None else required)}
