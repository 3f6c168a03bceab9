"""`trivium doctor`: what this machine and installation can do; `sandbox` tries every way out for foreign code."""

from __future__ import annotations

import importlib.metadata
import json as json_module
import os
import platform
import re
import shutil
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from trivium.ground.errors import GuardTripped, UsageError

LEAST_DISK_GB = 5
LEAST_MEMORY_GB = 4
app = App(name="doctor", help="Look at this machine and this installation.", help_format="plaintext")


@app.default
def doctor(*, out: Path = Path("."), json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Look at this machine and this installation: what a run would meet, and what is missing.

    Parameters
    ----------
    out
        Where runs would go, for the disk's free space.
    json
        Print JSON.
    """
    found = examine(out)
    complaints = diagnosis(found)
    if json:
        print(json_module.dumps(found | {"complaints": complaints}, indent=1))
    else:
        for name, value in found.items():
            if name != "packages":
                print(f"{name:<12}{value}")
        for name, version in found["packages"].items():
            print(f"{name:<18}{version or 'MISSING'}")
        print("\n".join(f"! {line}" for line in complaints) or "All is well.")
    missing = [name for name, version in found["packages"].items() if version is None]
    if missing:
        raise UsageError(f"Missing: {', '.join(missing)}.", "Install trivium again: `make run` does it all.")
    return 0


@app.command
def sandbox(*, json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Name the tier that holds foreign code, and try every way out: files, network, processes, kernel, hunger, lies.

    Where nothing can hold code, it says so and runs nothing: tasks with code are skipped there.

    Parameters
    ----------
    json
        Print JSON.
    """
    from trivium.sandbox.battery import BATTERY, besiege, laid_out, pace
    from trivium.sandbox.box import Sandbox
    from trivium.sandbox.tier import tier

    here = tier()
    about: dict[str, Any] = {"tier": here.name, "reason": here.reason, "probes": []}
    if not here.holds:
        print(json_module.dumps(about) if json else f"tier: none. {here.reason}. Foreign code is not run here.")
        return 0
    escaped: list[str] = []
    with laid_out() as ground, Sandbox() as box:
        about["extra"] = box.extra
        if not json:
            print(f"tier: {here.name}. {here.reason}{'; ' + box.extra if box.extra else ''}.")
        for seen in besiege(box, BATTERY, ground):
            probe, verdict = seen.probe, seen.escaped or "held"
            about["probes"].append({"group": probe.group, "name": probe.name, "verdict": verdict})
            escaped += [probe.name] if seen.escaped else []
            if not json:
                mark = "!" if seen.escaped else " "
                end = f"{seen.outcome.finish:<8}{seen.outcome.seconds * 1000:>7.1f} ms"
                print(f"{mark} {probe.group:<10}{probe.name:<46}{end}  {verdict}", flush=True)
        about["median_ms"], about["p95_ms"] = (round(value, 2) for value in pace(box))
    if json:
        print(json_module.dumps(about, indent=1))
    else:
        warm = f"A warm run takes {about['median_ms']} ms (median of 200; 95th percentile {about['p95_ms']} ms)."
        print(f"{len(BATTERY)} probes, {len(escaped)} escapes. {warm}")
    if escaped:
        raise GuardTripped(f"The sandbox leaks: {', '.join(escaped)}.", "Run no foreign code on this machine.")
    return 0


def examine(out: Path) -> dict[str, Any]:
    """Python, cores, number formats, memory and disk (GB), and the versions of what trivium needs (None: missing)."""
    there = next(path for path in (out, *out.absolute().parents) if path.is_dir())
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "bf16": _bf16(_read("/proc/cpuinfo")),
        "gpu": "nvidia" if Path("/proc/driver/nvidia/version").exists() else "none seen",
        "memory_gb": memory_gb(_read("/proc/meminfo"), _read("/sys/fs/cgroup/memory.max")),
        "disk_gb": round(shutil.disk_usage(there).free / 1e9, 1),
        "packages": {name: _version(name) for name in _needed()},
    }


def diagnosis(found: dict[str, Any]) -> list[str]:
    """What is in the way of the nano recipe, one line each."""
    lines = []
    if found["disk_gb"] < LEAST_DISK_GB:
        lines.append(f"Only {found['disk_gb']} GB of disk are free: {LEAST_DISK_GB} are wanted.")
    if found["memory_gb"] is not None and found["memory_gb"] < LEAST_MEMORY_GB:
        lines.append(f"Only {found['memory_gb']} GB of memory: {LEAST_MEMORY_GB} are wanted.")
    if found["bf16"] == "no":
        lines.append("This CPU has no bf16: the nano recipe takes about twice as long.")
    return lines


def memory_gb(meminfo: str, limit: str) -> float | None:
    """The memory a process here may use: the machine's, or its control group's limit where that is less."""
    total = re.search(r"MemTotal:\s+(\d+) kB", meminfo)
    sizes = [int(total[1]) * 1024] if total else []
    sizes += [int(limit)] if limit.strip().isdigit() else []
    return round(min(sizes) / 1e9, 1) if sizes else None


def _bf16(cpuinfo: str) -> str:
    flags = set(cpuinfo.split())
    return "AMX" if "amx_bf16" in flags else "AVX-512" if "avx512_bf16" in flags else "no"


def _needed() -> list[str]:
    try:
        lines = importlib.metadata.requires("trivium") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [re.split(r"[^\w.-]", line)[0] for line in lines if "extra ==" not in line]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
