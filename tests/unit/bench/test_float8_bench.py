"""The bench of eight bits: each seed with and without, runs that are done are kept, and how it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trivium.bench.training import float8
from trivium.bench.training.ours import Ours
from trivium.ground.errors import UsageError
from trivium.stages.pretrain.config import PretrainConfig


def test_each_seed_runs_with_and_without_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[tuple[bool, int]] = []

    def run(_out: Path, config: PretrainConfig, _device: str, _name: str) -> Ours:
        ran.append((config.fp8, config.seed))
        about: dict[str, Any] = {
            "facts": {"heldout_bits_per_byte": 2.0 + 0.01 * config.fp8},
            "device": "CPU",
            "torch": "0",
        }
        return Ours(losses=[3.0 + 0.5 * config.fp8] * config.steps, tokens=64, about=about)

    monkeypatch.setattr(float8, "prepare", lambda *_: {})
    monkeypatch.setattr(float8, "run_ours", run)
    page = tmp_path / "page.md"
    page.write_text("# Page\n")
    for seeds in ((0,), (0, 1)):
        float8.main(["text.jsonl"], seeds, steps=3, rows=2, out=tmp_path / "out", device="cpu", docs=page)
    assert ran == [(False, 0), (True, 0), (False, 1), (True, 1)]
    float8.main(["text.jsonl"], (0,), steps=4, rows=2, out=tmp_path / "out", device="cpu", docs=None)
    assert len(ran) == 6, "another length is another run"
    assert "| 1 | 2.0000 | 2.0100 | +0.0100 | 3.0000 | 3.5000 | +0.5000 |" in page.read_text()
    assert (tmp_path / "out" / "losses.csv").read_text().splitlines()[:2] == ["seed,step,bf16,fp8", "0,1,3,3.5"]
    assert "seed 1, fp8: 2.0100 bits per byte" in capsys.readouterr().out


def test_without_a_text_it_says_so() -> None:
    with pytest.raises(UsageError, match="A text is needed"):
        float8.main()
