"""Run in a process of its own: the clusters of N drawn documents' band keys, and what memory that took.

`python -m trivium.bench.dedup_memory N MEMORY` prints one line of JSON. Every tenth document has a key of one band in
common with an earlier one. Keys are drawn, since texts of so many documents would measure something else.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

BANDS, PIECE, EVERY = 14, 1024, 10
Keys = npt.NDArray[np.uint64]


def main(documents: int, memory: int) -> None:
    """Cluster and print: `before` and `peak` (resident bytes), CPU `seconds`, and `copies` found."""
    from trivium.stages.corpus.dedup.near import clusters

    clusters(drawn(2 * PIECE), BANDS, memory)  # compiles
    before, started = resident(), time.process_time()
    firsts = clusters(drawn(documents), BANDS, memory)
    seconds = time.process_time() - started
    copies = documents - sum(int((part == at).sum()) for at, part in pieces(firsts))
    print(json.dumps({"before": before, "peak": resident(), "seconds": seconds, "copies": copies}))


def pieces(firsts: Keys) -> Iterator[tuple[Keys, Keys]]:
    """Numbers of documents beside their firsts, a piece at a time: all at once would count as memory taken."""
    for at in range(0, len(firsts), PIECE):
        part = firsts[at : at + PIECE]
        yield np.arange(at, at + len(part), dtype=np.uint64), part


def drawn(documents: int) -> Iterator[Keys]:
    """Keys (bands, n) of the next n documents."""
    rng = np.random.default_rng(1)
    bands = np.arange(BANDS, dtype=np.uint64)[:, None]
    for at in range(0, documents, PIECE):
        numbers = np.arange(at, min(at + PIECE, documents), dtype=np.uint64)
        keys = stirred(numbers * np.uint64(BANDS) + bands)
        copies = np.flatnonzero(numbers % np.uint64(EVERY) == EVERY - 1)
        band = rng.integers(0, BANDS, copies.size)
        earlier = rng.integers(0, numbers[copies], dtype=np.uint64)
        earlier -= earlier % np.uint64(EVERY) == EVERY - 1  # no copy of a copy, whose key may be another's
        keys[band, copies] = stirred(earlier * np.uint64(BANDS) + band.astype(np.uint64))
        yield keys


def stirred(values: Keys) -> Keys:
    """Numbers without any order: the step and the finisher of splitmix64."""
    values = (values + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def resident() -> int:
    """Most bytes that this program ever had resident: by Linux's own account, since `getrusage` keeps its parent's."""
    import resource

    with contextlib.suppress(OSError), open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
