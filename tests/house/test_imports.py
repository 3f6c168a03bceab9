"""Importing a module does nothing, and the light houses load nothing heavy: looked at in child processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "trivium"

QUIET = """
import importlib, json, os, random, sys
faults = []
guarded = False
def watched(event, args):
    if not guarded:
        return
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        faults.append(f"writes {args[0]}")
    if event == "open" and args[1] is None and args[2] & (os.O_WRONLY | os.O_RDWR):
        name = str(args[0])
        if "__pycache__" not in name and "/dev/" not in name:
            faults.append(f"writes {name}")
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.system"):
        faults.append(event)
sys.addaudithook(watched)
for third in THIRD:
    try:
        importlib.import_module(third)
    except ImportError:
        pass
before = dict(os.environ)
state = random.getstate()
sys.stdout = sys.stderr = type("Refuser", (), {"write": lambda self, text: faults.append(f"prints {text!r}"),
                                               "flush": lambda self: None})()
guarded = True
done = []
for name in NAMES:
    importlib.import_module(name)
guarded = False
if random.getstate() != state:
    faults.append("moves the random state")
if dict(os.environ) != before:
    faults.append("changes the environment")
sys.stdout = sys.__stdout__
print(json.dumps({"faults": faults, "modules": sorted(sys.modules)}))
"""


def modules(*houses: str) -> list[str]:
    """The modules of these houses (all of them when none is named), without the program entry."""
    names = []
    for path in sorted(SOURCE.rglob("*.py")):
        parts = ["trivium", *path.relative_to(SOURCE).with_suffix("").parts]
        name = ".".join(part for part in parts if part != "__init__")
        if name.startswith("trivium.model.fused.") and find_spec("triton") is None:
            continue  # they are imported on a GPU that has Triton, and nowhere else
        if name != "trivium.__main__" and (not houses or any(f"{name}.".startswith(f"trivium.{h}.") for h in houses)):
            names.append(name)
    return names


def imported(names: list[str], third: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """What a child process that imports `names` did and loaded; `third` are imported before it is watched."""
    code = QUIET.replace("NAMES", repr(names)).replace("THIRD", repr(third))
    env = os.environ | {"PYTHONPATH": str(SOURCE.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    child = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    found: dict[str, list[str]] = json.loads(child.stdout.splitlines()[-1])
    return found


def test_importing_a_module_does_nothing() -> None:
    heavy = (
        "torch",
        "numpy",
        "pyarrow.parquet",
        "tiktoken",
        "cyclopts",
        "rich.progress",
        "jinja2",
        "fasttext",
        "numba",
    )
    assert imported(modules(), heavy)["faults"] == []


LIGHT = ("ground", "journey", "recipes", "cli", "town", "tasks", "tools", "index", "sandbox", "text", "pages")


@pytest.mark.parametrize("house", [*LIGHT, "stages.corpus", "stages.tokenizer", "stages.report"])
def test_the_light_houses_load_no_torch(house: str) -> None:
    loaded = set(imported(modules(house))["modules"])
    assert not loaded & {"torch", "transformers", "safetensors"}


@pytest.mark.parametrize("house", ["ground", "journey", "recipes", "cli", "town", "tasks", "tools", "index", "sandbox"])
def test_the_lightest_houses_load_no_numpy_and_no_stage(house: str) -> None:
    loaded = imported(modules(house))["modules"]
    assert not set(loaded) & {"numpy", "pyarrow", "tiktoken"}
    assert not [name for name in loaded if name.startswith("trivium.stages.")]


@pytest.mark.parametrize("line", [["--help"], ["--version"], ["run", "--help"], ["chat", "--help"], ["sft", "--help"]])
def test_help_loads_nothing_heavy(line: list[str]) -> None:
    code = (
        "import sys, json, contextlib, io\nfrom trivium.cli.app import answer\n"
        f"with contextlib.redirect_stdout(io.StringIO()): code = answer({line!r})\n"
        "print(json.dumps([code, sorted(sys.modules)]))"
    )
    env = os.environ | {"PYTHONPATH": str(SOURCE.parent)}
    child = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    exit_code, loaded = json.loads(child.stdout.splitlines()[-1])
    assert exit_code == 0
    assert not set(loaded) & {"torch", "numpy", "pyarrow", "tiktoken", "safetensors", "transformers"}
    assert not [name for name in loaded if name.startswith(("trivium.stages", "trivium.model", "trivium.generate"))]


def test_python_m_trivium_is_the_same_door() -> None:
    env = os.environ | {"PYTHONPATH": str(SOURCE.parent)}
    command = [sys.executable, "-m", "trivium", "--version"]
    child = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert child.stdout.strip() == "0.1.0"
