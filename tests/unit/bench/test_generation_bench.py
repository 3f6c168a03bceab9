"""The bench of the engine at toy size: every side generates what was asked, and ratios are to the peer of the case."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from trivium.bench.generation import cases, generate
from trivium.bench.generation.cases import Case
from trivium.bench.generation.ours import measured
from trivium.model.config import ModelConfig

TINY = ModelConfig(vocab_size=90, hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2,
                   num_key_value_heads=2, head_dim=16, tie_word_embeddings=True, model_type="llama")  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_all_sides_of_a_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    threads = torch.get_num_threads()
    monkeypatch.setattr(generate, "SMOLLM2", TINY)
    monkeypatch.setattr(generate, "on_cpu", lambda v: [Case("two", [[1, 2, 3], [4]], [[3], [5]])])
    try:
        assert generate.main(device="cpu", out=tmp_path / "out", docs=tmp_path / "docs.md") == 0
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(False)
    kept = json.loads((tmp_path / "out" / "generate.json").read_text())["figures"]
    assert [one["side"] for one in kept][:3] == ["transformers", "trivium", "trivium, int8"]
    assert kept[1]["logprobs"]["largest"] < 1e-5
    assert 0 < kept[1]["used"] <= 1
    assert "x transformers" in capsys.readouterr().out
    assert "generate-cpu:begin" in (tmp_path / "docs.md").read_text()


def test_cases_are_functions_of_their_seed() -> None:
    for make in (cases.on_cpu, cases.on_gpu):
        assert make(500) == make(500) != make(500, 1)
        for case in make(500):
            assert case.tokens == sum(map(sum, case.lengths)) > 0
            assert all(0 <= index < 500 for ids in case.prompts for index in ids)
    assert len([n for lengths in cases.on_gpu(500)[2].lengths for n in lengths]) == 512


def test_decoding_alone_is_without_the_prompt() -> None:
    case = Case("a", [[1]], [[11]], alone=True)
    assert measured(case, 3.0, 1.0).speed == 5
    assert measured(Case("a", [[1]], [[12]]), 3.0, 1.0).speed == 4
