"""House rules that no linter knows: sizes, rooms, names, docstrings, and words that have no business here."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "trivium"
FILES = sorted(SOURCE.rglob("*.py"))
NAMES = [str(path.relative_to(SOURCE)) for path in FILES]
NO_ROOM = {"utils.py", "helpers.py", "common.py", "misc.py", "base.py", "core.py", "shared.py"}

# Written in pieces, so that this file does not say them itself.
FORBIDDEN = ["../" + "shared", "/" + "work/", "pypi" + ".org", "pythonhosted" + ".org", "download.py" + "torch.org"]
TEXT = {".py", ".md", ".toml", ".txt", ".html", ".css", ".js", ".json", ".jsonl", ".sh", ".cfg", ""}


def definitions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_file_is_short_named_for_its_work_and_told(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400, "a file has at most 400 lines"
    assert path.name not in NO_ROOM, "a room is named for what it does"
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module says what it is for"
    if path.name not in ("__init__.py", "__main__.py"):
        assert "from __future__ import annotations" in text
    for node in definitions(tree):
        if not isinstance(node, ast.ClassDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= 60, f"{node.name} has {lines} lines: a function has at most 60"


def public(path: Path) -> Iterator[tuple[str, ast.AST]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for method in node.body:
                    if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                        yield f"{node.name}.{method.name}", method


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_what_is_public_has_a_docstring(path: Path) -> None:
    missing = [
        name
        for name, node in public(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not ast.get_docstring(node)
    ]
    assert not missing


def config_classes() -> Iterator[tuple[Path, ast.ClassDef]]:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Config"):
                yield path, node


def test_configs_are_frozen_and_their_fields_are_explained() -> None:
    """A field's meaning is under it, or under the last field of its group; a nested config is told by its class."""
    wrong = []
    for path, node in config_classes():
        marks = " ".join(ast.unparse(mark) for mark in node.decorator_list)
        if "frozen=True" not in marks or "kw_only=True" not in marks:
            wrong.append(f"{path.name}: {node.name} is not frozen and keyword-only")
        plain = (
            isinstance(i, ast.AnnAssign) and not re.search(r"(Config|Limits)$", ast.unparse(i.annotation))
            for i in node.body
        )
        fields = [number for number, told_here in enumerate(plain) if told_here]
        after = node.body[fields[-1] + 1] if fields and fields[-1] + 1 < len(node.body) else None
        told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if fields and not told:
            wrong.append(f"{path.name}: {node.name}.{ast.unparse(node.body[fields[-1]])} has no meaning under it")
    assert not wrong


def houses() -> list[Path]:
    return sorted({path.parent for path in FILES if path.parent != SOURCE})


@pytest.mark.parametrize("house", houses(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_house_has_at_most_fourteen_rooms_and_a_name_plate(house: Path) -> None:
    assert (house / "__init__.py").is_file()
    rooms = [path for path in house.glob("*.py") if path.name != "__init__.py"]
    assert len(rooms) <= 14


def test_stage_houses_have_their_four_doors() -> None:
    for house in sorted((SOURCE / "stages").iterdir()):
        if not (house / "__init__.py").is_file():
            continue
        assert (house / "config.py").is_file(), house
        assert list(house.glob("*.py")), house
        readme = house / "README.md"
        assert readme.is_file(), f"{readme} is missing"
        assert len(readme.read_text(encoding="utf-8").splitlines()) <= 80, readme


def tracked() -> list[Path]:
    """The files that git knows, or all that a fresh copy without git has."""
    try:
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return [path for part in ("src", "tests", "docs", "scripts") for path in (ROOT / part).rglob("*")]
    return [ROOT / name for name in found.split("\0") if name]


def test_the_project_names_no_machine_and_no_package_registry() -> None:
    found = []
    for path in tracked():
        if path.suffix in TEXT and path.is_file() and path.stat().st_size < 2_000_000:
            text = path.read_text(encoding="utf-8", errors="replace").lower()
            if "samples" in path.parts:  # real pages say what they say
                continue
            found += [f"{path.relative_to(ROOT)}: {word}" for word in FORBIDDEN if word in text]
    assert not found


def test_no_work_is_left_lying() -> None:
    pattern = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError")
    assert not [str(path) for path in FILES if pattern.search(path.read_text(encoding="utf-8"))]


def test_constraints_pin_every_declared_package() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower()
    for line in wanted:
        name = re.split(r"[^\w.-]", line)[0].lower()
        assert re.search(rf"^{re.escape(name)}==", pins, re.MULTILINE), f"{name} is not pinned"
