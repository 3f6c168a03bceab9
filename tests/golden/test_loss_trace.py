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
    3.849809, 3.835794, 3.798291, 3.798347, 3.637785, 3.470469, 3.436123, 3.447196, 3.310744, 3.011761,
    2.979523, 2.738649, 2.570079, 2.602712, 2.277696, 2.469922, 2.284510, 2.411745, 2.216594, 2.303689,
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
