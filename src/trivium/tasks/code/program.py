"""Reading a program out of a reply: one fenced block, or nothing but Python."""

from __future__ import annotations

import ast
import re
import warnings

from trivium.tasks.forms import after_thinking

LONGEST = 20_000
"""Characters of a reply with a program, thinking not counted."""
FENCE = re.compile(r"^[ ]{0,3}```[ ]*([A-Za-z0-9+#.]*)[ ]*$", re.MULTILINE)
LANGUAGES = ("", "python", "py", "python3")


def program(text: str, function: str, strict: bool = True) -> str | None:
    """The program in a reply (after its thinking); None where there is not exactly one.

    Strict: the reply is one fenced block of Python and nothing beside it, or all of it is Python. Lenient: one fenced
    block among words. Either way it must be Python in which `function` is defined.
    """
    content = after_thinking(text, LONGEST)
    if content is None:
        return None
    fences = list(FENCE.finditer(content))
    if not fences:
        return content if _defines(content, function) else None
    if len(fences) != 2 or fences[0][1].lower() not in LANGUAGES or fences[1][1]:
        return None
    before, after = content[: fences[0].start()], content[fences[1].end() :]
    if strict and (before.strip() or after.strip()):
        return None
    inside = content[fences[0].end() : fences[1].start()]
    return inside if _defines(inside, function) else None


def _defines(source: str, function: str) -> bool:
    """Whether the text is Python in which the name is given to something."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a program's odd escapes are its own affair
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(function in _named(node) for node in ast.walk(tree))


def _named(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return (node.name,)
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return tuple(target.id for target in targets if isinstance(target, ast.Name))
    if isinstance(node, ast.ImportFrom | ast.Import):
        return tuple(alias.asname or alias.name for alias in node.names)
    return ()
