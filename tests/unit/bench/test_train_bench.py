"""The bench of training: both sides get a model of one size and as many tokens, and how it is told."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trivium.bench.training import train
from trivium.bench.training.nanochat import Trained
from trivium.bench.training.ours import Ours
from trivium.ground.errors import UsageError
from trivium.stages.pretrain.config import PretrainConfig
from trivium.stages.pretrain.depth import derive


class Peer:
    """Stands in for nanochat; remembers what it was asked."""

    asked: list[str]

    def __init__(self, *_: Any) -> None:
        pass

    def tokenizer(self, _vocabulary: int) -> None:
        """As if it had learned one."""

    def train(self, arguments: list[str]) -> Trained:
        """Steps of two seconds."""
        Peer.asked = list(arguments)
        return Trained(first_step=9.0, seconds=[5.0] * 3 + [2.0] * 27, tokens=4096)


def test_a_cpu_gets_nanos_shape_and_a_third_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[PretrainConfig, str]] = []

    def run(_out: Path, config: PretrainConfig, _device: str, blocks: str = "auto") -> Ours:
        ran.append((config, blocks))
        about = {"device": "CPU", "torch": "0", "gemm": 0.0}
        return Ours(3.0, [4.0] * 3 + [1.0] * 27, tokens=4096, about=about)

    monkeypatch.setattr(train, "run_ours", run)
    monkeypatch.setattr(train, "Nanochat", Peer)
    monkeypatch.setattr(train, "for_peer", lambda *_: None)
    monkeypatch.setattr(train, "prepare", lambda *_: {"selected": SimpleNamespace()})
    page = tmp_path / "page.md"
    page.write_text("# Page\n")
    train.main(tmp_path, ["text.jsonl"], steps=30, out=tmp_path / "out", device="cpu", docs=page)
    assert [blocks for _, blocks in ran] == ["auto", "compiled"]
    config = derive(ran[0][0], 4096, 10**9)
    assert (config.rows * config.row_tokens, config.steps, config.shape) == (4096, 30, PretrainConfig().shape)
    assert {"--depth=6", "--max-seq-len=256", "--total-batch-size=4096", "--num-iterations=30"} <= set(Peer.asked)
    assert "| trivium | nano | 5.9 M | 4,096 | 2.00x | 3.0 |" in page.read_text(), "medians after the first three"


@pytest.mark.parametrize("depth", [6, 12, 20])
def test_on_a_gpu_ours_has_the_depths_own_shape(depth: int) -> None:
    match = train.by_depth(depth)
    config = PretrainConfig(depth=match.depth, shape=match.shape, row_tokens=match.length, rows=256, steps=15)
    found = derive(config, 32768, 10**9)
    assert (found.shape, found.rows, found.row_tokens, found.steps) == (match.shape, 256, 2048, 15)
    assert match.shape.layers == depth


def test_what_it_cannot_do_it_says(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Two things are needed"):
        train.main()
    with pytest.raises(UsageError, match="emulated"):
        train.main(tmp_path, ["text.jsonl"], device="cpu", fp8=True, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
