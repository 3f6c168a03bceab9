"""The command line as users know it: a change of it is a change of `surface.txt`, made on purpose.

To accept a change: `python tests/house/test_surface.py > tests/house/surface.txt`.
"""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import pytest
from cyclopts import App

from trivium.cli.app import COMMANDS, build, gather_settings

ROOT = Path(__file__).parents[2]
SNAPSHOT = Path(__file__).with_name("surface.txt")


def surface() -> str:
    """Each command with its parameters, and their types and defaults; those of a command's commands too."""
    app = build()
    lines: list[str] = []
    for name in COMMANDS:
        told(name, app[name], lines)
    return "\n".join(lines) + "\n"


def told(name: str, command: App, lines: list[str]) -> None:
    """The lines of one command, then those of the commands below it."""
    lines.append(name)
    if command.default_command is not None:
        for argument in command.assemble_argument_collection(parse_docstring=False):
            if argument.parameter.show is False or argument.names == ("*",):
                continue
            names = " ".join(argument.names) or argument.field_info.name.upper()
            default = argument.field_info.default
            shown = (
                ""
                if default is inspect.Parameter.empty
                else f" = {str(default) if isinstance(default, Path) else default!r}"
            )
            lines.append(f"  {names}{shown}")
    for below in command:
        if not below.startswith("-"):
            told(f"{name} {below}", command[below], lines)


def test_the_command_line_is_the_one_that_users_know() -> None:
    assert surface() == SNAPSHOT.read_text(encoding="utf-8")


def commands_in(path: Path) -> list[str]:
    """The `trivium …` lines of the bash blocks of a Markdown file, continuation lines joined, comments cut."""
    text = path.read_text(encoding="utf-8")
    found = []
    for block in re.findall(r"```(?:bash|sh|console)\n(.*?)```", text, re.DOTALL):
        for raw in block.replace("\\\n", " ").splitlines():
            line = raw.strip().removeprefix("$ ").removeprefix(".venv/bin/")
            if line.startswith("trivium"):
                found.append(line)
    return found


DOCUMENTS = [path for pattern in ("*.md", "docs/**/*.md", "src/**/*.md") for path in sorted(ROOT.glob(pattern))]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_the_documents_parses(path: Path) -> None:
    app = build()
    for line in commands_in(path):
        arguments = shlex.split(line, comments=True)[1:]
        arguments = arguments[: next((i for i, word in enumerate(arguments) if word in ("|", ">", "&&", "&")), None)]
        app.parse_args(gather_settings(arguments), exit_on_error=False, print_error=False)


def test_the_documents_name_make_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for path in DOCUMENTS:
        for target in re.findall(r"^\s*(?:\w+=\S+ )*make ([a-z-]+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{path.name}: make {target}"


if __name__ == "__main__":
    print(surface(), end="")
