"""Muon's updates are nearly orthogonal; AdamW's are those of torch; each parameter has its own rate."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trivium.model.config import ModelConfig, OptimizerConfig
from trivium.model.optim import POLAR_EXPRESS, Optimizer, orthogonal
from trivium.model.reward import RewardModel
from trivium.model.transformer import Transformer


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_where_bf16_is_emulated_updates_are_made_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    x = torch.randn(3, 48, 96, generator=torch.Generator().manual_seed(0))
    exact = x.double() / (x.double().norm(dim=(1, 2), keepdim=True) * 1.01 + 1e-7)
    for a, b, c in POLAR_EXPRESS:
        gram = exact @ exact.mT
        exact = a * exact + (b * gram + c * (gram @ gram)) @ exact
    assert (orthogonal(x) - exact).abs().max() < 1e-4


@pytest.mark.parametrize("shape", [(3, 40, 40), (2, 64, 24), (2, 24, 64), (1, 8, 8)])
def test_updates_are_nearly_orthogonal(shape: tuple[int, int, int]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonal(x).float())
    assert values.shape == (shape[0], min(shape[1:]))
    assert values.max() < 1.3
    assert values.median() > 0.65
    # The quintic's aim: singular values between .68 and 1.13, whatever they were, unless they were next to nothing.
    spread = torch.linalg.svdvals(x)
    sizable = spread / spread.norm(dim=1, keepdim=True) > 0.02
    assert values[sizable].min() > 0.5


def test_an_update_keeps_the_singular_vectors() -> None:
    generator = torch.Generator().manual_seed(1)
    u, _ = torch.linalg.qr(torch.randn(12, 12, generator=generator))
    v, _ = torch.linalg.qr(torch.randn(12, 12, generator=generator))
    x = u @ torch.diag(torch.linspace(0.5, 2.0, 12)) @ v.T
    inside = u.T @ orthogonal(x[None])[0].float() @ v
    off = inside - torch.diag(inside.diagonal())
    assert off.abs().max() < 0.05
    assert (inside.diagonal() > 0.6).all()


def test_nothing_stays_nothing() -> None:
    assert orthogonal(torch.zeros(2, 5, 7)).abs().sum() == 0


def model(**changes: object) -> Transformer:
    config = ModelConfig(
        vocab_size=11, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, head_dim=4, **changes,
    )  # type: ignore[arg-type]  # fmt: skip
    return Transformer(config)


def test_adamw_is_torchs() -> None:
    module = model()
    twin = model()
    twin.load_state_dict(module.state_dict())
    config = OptimizerConfig(embed_lr=0.01, head_lr=0.002)
    ours = Optimizer(module, config)
    rates = [("embed_tokens.weight", 0.01), ("norm.weight", 0.01), ("lm_head.weight", 0.002)]
    theirs = torch.optim.AdamW(
        [{"params": [twin.get_parameter(name)], "lr": rate} for name, rate in rates],
        betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        for name, parameter in module.named_parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)
            twin.get_parameter(name).grad = parameter.grad.clone()
        ours.step(1.0)
        theirs.step()
    for name, _ in rates:
        torch.testing.assert_close(module.get_parameter(name), twin.get_parameter(name), atol=1e-6, rtol=1e-6)


def test_a_muon_step_has_the_size_of_its_rate() -> None:
    module = model()
    before = {name: parameter.detach().clone() for name, parameter in module.named_parameters()}
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.grad = 1e-6 * torch.randn(parameter.shape, generator=generator)  # the gradient's size does not matter
    Optimizer(module, OptimizerConfig(muon_lr=0.1)).step(0.5)
    for name, parameter in module.named_parameters():
        if name.startswith("layers.") and parameter.ndim == 2:
            tall = max(1.0, parameter.shape[0] / parameter.shape[1]) ** 0.5
            moved = torch.linalg.matrix_norm(parameter - before[name], 2).item()
            assert 0.6 * 0.05 * tall < moved < 1.35 * 0.05 * tall


def test_weight_decay_shrinks_matrices_by_the_rate() -> None:
    module = model()
    before = module.layers[0].mlp.up_proj.weight.detach().clone()
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    Optimizer(module, OptimizerConfig(muon_lr=0.1, weight_decay=0.5)).step(1.0)
    torch.testing.assert_close(module.layers[0].mlp.up_proj.weight.detach(), before * 0.95, atol=1e-6, rtol=0)


def test_every_parameter_is_updated_once_and_by_the_right_rule() -> None:
    for module in (model(), model(tie_word_embeddings=True), RewardModel(model().config)):
        state = Optimizer(module, OptimizerConfig()).state
        for name, parameter in module.named_parameters():
            muon = parameter.ndim == 2 and name.startswith("layers.")
            assert (f"muon.{name}" in state) == muon
            assert (f"square.{name}" in state) != muon
    head = OptimizerConfig(muon_lr=0.0, embed_lr=0.0, head_lr=0.1)
    judge = RewardModel(model().config)
    for parameter in judge.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = judge.embed_tokens.weight.detach().clone()
    Optimizer(judge, head).step(1.0)
    assert torch.equal(judge.embed_tokens.weight, before)
    torch.testing.assert_close(judge.score.weight, torch.full((1, 8), -0.1), atol=1e-5, rtol=0)


def test_a_parameter_without_gradient_is_left_alone() -> None:
    module = nn.Linear(3, 3, bias=False)
    before = module.weight.detach().clone()
    Optimizer(module, OptimizerConfig()).step(1.0)
    assert torch.equal(module.weight, before)
