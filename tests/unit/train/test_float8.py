"""Training with products in eight bits: it learns as well, and a stopped run goes on to the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_training import loop, model, same, weights

from trivium.ground.log import read_jsonl
from trivium.model import float8
from trivium.model.transformer import Transformer
from trivium.train import checkpoint


def eight() -> Transformer:
    module = model()
    module.take_float8()
    return module


def losses(folder: Path) -> list[float]:
    return [record["loss"] for record in read_jsonl(folder / "metrics.jsonl")]


def test_it_learns_about_as_well(tmp_path: Path) -> None:
    loop(model(), tmp_path / "exact", steps=60).run("test")
    loop(eight(), tmp_path / "eight", steps=60).run("test")
    exact, found = losses(tmp_path / "exact"), losses(tmp_path / "eight")
    assert exact != found
    assert sum(found[-10:]) / 10 == pytest.approx(sum(exact[-10:]) / 10, abs=0.1)


@pytest.mark.parametrize("at", [2, 6])
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    monkeypatch.setattr(float8, "LEARNING", 4)  # once before scales come from the step before, once after
    whole = eight()
    loop(whole, tmp_path / "whole").run("test")
    first = loop(eight(), tmp_path / "cut")
    first.run("test", lambda step: {"stop": step == at})
    checkpoint.save(tmp_path / "cut", first.label, at, first.module, first.optimizer, {
        "guard": first.guard.state(), "source": first.source.state(), "microbatch": 0, "ranks": 1,
    })  # fmt: skip
    second = eight()
    run = loop(second, tmp_path / "cut")
    run.run("test")
    assert same(weights(second), weights(whole))
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    assert second.float8 is not None and whole.float8 is not None
    assert torch.equal(second.float8.largest, whole.float8.largest)


def test_without_the_scales_it_would_not_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(float8, "LEARNING", 1)
    kept, lost = eight(), eight()
    loop(kept, tmp_path / "kept").run("test")

    def forget(_step: int) -> None:
        assert lost.float8 is not None
        lost.float8.largest.fill_(1.0)

    loop(lost, tmp_path / "lost").run("test", forget)
    assert not same(weights(kept), weights(lost))
