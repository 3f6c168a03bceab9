"""Twenty losses of a tiny training run in fp32 on one thread, kept by value: whoever changes them must mean to.

To take new values after a change that is meant: run this file as a script and paste what it prints.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import torch
from tiny_training import loop, model

from trivium.ground.log import read_jsonl

TRACE = (
    3.849809, 3.835803, 3.798352, 3.798628, 3.638972, 3.473415, 3.439091, 3.457546, 3.321217, 3.027530,
    3.004256, 2.761574, 2.603046, 2.619030, 2.304480, 2.496948, 2.318161, 2.443762, 2.248681, 2.333921,
)  # fmt: skip
ALIKE = 5
"""Steps before Muon's bf16 iteration, rounded one way or the other by another CPU, shows in the fifth digit."""


def trace(folder: Path) -> list[float]:
    """The losses of twenty steps."""
    torch.set_num_threads(1)
    loop(model(), folder, steps=20).run("golden")
    return [record["loss"] for record in read_jsonl(folder / "metrics.jsonl")]


def test_the_losses_are_those_that_were_committed(tmp_path: Path) -> None:
    found = trace(tmp_path)
    assert found[:ALIKE] == pytest.approx(TRACE[:ALIKE], abs=1e-5)
    assert found == pytest.approx(TRACE, abs=1e-3)
    assert found[:ALIKE] != pytest.approx([TRACE[0]] * ALIKE, abs=1e-3), "it learns, so the values say something"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print(", ".join(f"{loss:.6f}" for loss in trace(Path(name))))
