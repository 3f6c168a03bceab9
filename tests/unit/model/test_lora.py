"""Adapters: begin as nothing, learn alone, merge to the same model, and are PEFT's files."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import QUIET, loop, model

from trivium.generate.engine import Engine, Request
from trivium.ground.artifact import open_artifact
from trivium.ground.errors import ArtifactError, ConfigError
from trivium.model.config import LINEAR, LoraConfig, OptimizerConfig
from trivium.model.lora import adapt, adapters, load_adapter, merge, save_adapter
from trivium.model.optim import Optimizer

SOME = LoraConfig(rank=4, alpha=6)
SHAPES: list[dict[str, Any]] = [{}, {"model_type": "qwen2"}, {"model_type": "llama", "tie_word_embeddings": True}]


def hidden(module: Any) -> torch.Tensor:
    module.eval()
    row = torch.arange(40)[None] % 46
    with torch.no_grad():
        return module(row)


def moved(module: Any) -> Any:
    """The module with adapters that say something."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in adapters(module).values():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return module


@pytest.mark.parametrize("shape", SHAPES)
def test_merged_equals_unmerged(shape: dict[str, Any]) -> None:
    plain = model(**shape)
    adapted = copy.deepcopy(plain)
    adapt(adapted, SOME, 0)
    torch.testing.assert_close(hidden(adapted), hidden(plain), atol=1e-6, rtol=0)
    changed = hidden(moved(adapted))
    assert (changed - hidden(plain)).abs().max() > 0.05
    merge(adapted)
    torch.testing.assert_close(hidden(adapted), changed, atol=1e-5, rtol=0)
    assert set(adapted.state_dict()) == set(plain.state_dict())
    assert all(parameter.requires_grad for parameter in adapted.parameters())


def test_only_adapters_learn_and_only_they_are_kept(tmp_path: Path) -> None:
    module = model()
    count = adapt(module, SOME, 0)
    before = {name: value.clone() for name, value in module.named_parameters()}
    some = loop(module, tmp_path, 6)
    some.optimizer = Optimizer(module, OptimizerConfig(embed_lr=0.01))
    some.run("adapters", lambda step: some._save(step) if step == 5 else None)
    names = set(adapters(module))
    assert sum(before[name].numel() for name in names) == count
    assert len(names) == 2 * 2 * len(LINEAR)
    changed = {name for name, value in module.named_parameters() if not torch.equal(value, before[name])}
    assert changed == names
    assert not [name for name in some.optimizer.state if name.startswith("muon.")]
    from safetensors import safe_open

    with safe_open(open_artifact(tmp_path / "step-000005").file("weights.safetensors"), "pt") as file:
        assert set(file.keys()) == names


def test_the_engine_samples_from_the_whole_matrices() -> None:
    module = model()
    adapt(module, SOME, 0)
    engine = Engine(module)
    moved(module)
    engine.refresh(module)
    asked = [Request([1, 2, 3], 12, 0.0, 0, ())]
    found = engine.run(asked)[0].ids
    merge(module)
    assert found == Engine(module).run(asked)[0].ids


def test_a_file_gives_the_adapters_back(tmp_path: Path) -> None:
    plain = model()
    adapted = copy.deepcopy(plain)
    adapt(adapted, LoraConfig(rank=3, targets=("q_proj", "down_proj")), 0)
    save_adapter(tmp_path, adapters(moved(adapted)), LoraConfig(rank=3, targets=("q_proj", "down_proj")), "base")
    again = copy.deepcopy(plain)
    load_adapter(tmp_path, again)
    torch.testing.assert_close(hidden(again), hidden(adapted), atol=0, rtol=0)
    with pytest.raises(ArtifactError, match="holds no adapter for this model"):
        load_adapter(tmp_path, model(hidden_size=16))
    with pytest.raises(ArtifactError, match="no place"):
        load_adapter(tmp_path, model(num_hidden_layers=1))


def test_peft_reads_it(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft", reason="the peer is not installed")
    from transformers import AutoModelForCausalLM

    from trivium.model.folder import save_model

    plain = model()
    save_model(tmp_path / "model", plain, {})
    adapted = copy.deepcopy(plain)
    adapt(adapted, SOME, 0)
    save_adapter(tmp_path / "adapter", adapters(moved(adapted)), SOME, "model")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "model", dtype=torch.float32)
    theirs = peft.PeftModel.from_pretrained(theirs, tmp_path / "adapter").eval()
    with torch.no_grad():
        found = theirs(torch.arange(40)[None] % 46).logits
    torch.testing.assert_close(adapted.logits(hidden(adapted)), found, atol=1e-5, rtol=0)


def test_a_config_that_cannot_be_says_what_can() -> None:
    with pytest.raises(ConfigError, match="targets"):
        LoraConfig(rank=4, targets=("lm_head",))
    with pytest.raises(ConfigError, match="rank"):
        LoraConfig(rank=-1)
    assert (LoraConfig(rank=8).scale, LoraConfig(rank=8, alpha=8).scale) == (2.0, 1.0)
    assert QUIET.device == "cpu"
