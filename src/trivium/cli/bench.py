"""`trivium bench`: comparisons as commands. The scales themselves are in `trivium.bench`."""

from __future__ import annotations

from pathlib import Path

from trivium.journey.graph import load, unknown

BENCHES = {"nano": "trivium.bench.nano:main"}


def bench(name: str = "nano", /, *, seeds: int = 3, out: Path = Path("runs/bench")) -> int:
    """Run a comparison with its controls and write its figures to docs/benchmarks.md.

    Parameters
    ----------
    name
        nano: the whole street, several seeds, with the controls of each claim.
    seeds
        How many seeds.
    out
        Where the runs go.
    """
    if name not in BENCHES:
        raise unknown("bench", name, list(BENCHES))
    code = load(BENCHES[name])(seeds=seeds, out=out)
    return code if isinstance(code, int) else 0
