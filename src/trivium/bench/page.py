"""Writing figures into docs/benchmarks.md: each bench owns one section, between two comments."""

from __future__ import annotations

import os
from pathlib import Path

from trivium.ground.atomic import write_atomic


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table, a line each."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines]


def write_section(path: Path, name: str, text: str) -> None:
    """Replace the section `name` of a Markdown file, or append it."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    old = path.read_text(encoding="utf-8") if path.exists() else "# Benchmarks\n"
    section = f"{begin}\n{text}\n{end}"
    if begin in old and end in old:
        before, _, rest = old.partition(begin)
        new = before + section + rest.partition(end)[2]
    else:
        new = f"{old.rstrip()}\n\n{section}\n"
    write_atomic(path, new.encode())


def machine() -> str:
    """The CPU's name as the kernel gives it, how many of its cores this process may use, and whether it has AMX."""
    name, flags = "unknown CPU", ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
        flags = next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores{', AMX' if 'amx_bf16' in flags else ''}"
