"""`trivium bench`: comparisons as commands. The scales themselves are in `trivium.bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trivium.journey.graph import load, unknown

BENCHES = {"nano": "trivium.bench.nano:main", "corpus": "trivium.bench.corpus:main"}


def bench(
    name: str = "nano",
    /,
    *,
    seeds: int = 3,
    out: Path = Path("runs/bench"),
    setup: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Run a comparison with its controls and write its figures to docs/benchmarks.md.

    Parameters
    ----------
    name
        nano: the whole street, several seeds, with the controls of each claim.
        corpus: quality filters and MinHash beside datatrove.
    seeds
        How many seeds (nano).
    out
        Where the runs go (nano).
    setup
        Make the peer's environment first (corpus).
    """
    if name not in BENCHES:
        raise unknown("bench", name, list(BENCHES))
    work = load(BENCHES[name])
    code = work(seeds=seeds, out=out) if name == "nano" else work(setup=setup)
    return code if isinstance(code, int) else 0
