"""RL on several ranks: each samples its own share, all learn the same, and a stopped run ends on the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest
import ranks
import torch
from rl_training import practise
from safetensors.torch import load_file
from tiny_training import QUIET, same

from trivium.ground.log import read_jsonl


@pytest.fixture(scope="module")
def practised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rl-ranks")
    ranks.run(2, "practise", folder)
    return folder


def test_all_ranks_have_one_model(practised: Path) -> None:
    for name in ("whole", "parts"):
        assert same(*(load_file(practised / f"{name}-{rank}.safetensors") for rank in (0, 1)))


def test_stopped_and_continued_it_is_the_same_bit_for_bit(practised: Path) -> None:
    assert same(*(load_file(practised / f"{name}-0.safetensors") for name in ("whole", "parts")))


def test_two_learn_what_one_learns(practised: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE")
    practise(QUIET, tmp_path, "one")
    texts = [
        [[(r["question"], r["ids"], r["advantage"]) for r in read_jsonl(path)] for path in sorted(folder.iterdir())]
        for folder in (practised / "whole" / "rollouts", tmp_path / "one" / "rollouts")
    ]
    assert texts[0] == texts[1]
    one, two = load_file(tmp_path / "one-0.safetensors"), load_file(practised / "whole-0.safetensors")
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, atol=2e-5, rtol=1e-3, msg=lambda m, n=name: n + m)
