"""The chunked loss equals plain cross-entropy, in value and in every gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from trivium.model import loss
from trivium.model.loss import token_logprobs, weighted_loss


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(loss, "CHUNK", 16)


def draw(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(count)
    hidden_ND = torch.randn(count, 12, generator=generator)
    unembed_VD = torch.randn(31, 12, generator=generator)
    targets_N = torch.randint(0, 31, (count,), generator=generator)
    weights_N = torch.randn(count, generator=generator)  # negative ones too, as in RL
    weights_N[::5] = 0.0
    return hidden_ND, unembed_VD, targets_N, weights_N


@pytest.mark.parametrize("count", [1, 15, 16, 17, 50])
@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_value_and_gradients(count: int, scale: float) -> None:
    hidden, unembed, targets, weights = draw(count)
    ours = [hidden.clone().requires_grad_(), unembed.clone().requires_grad_()]
    plain = [hidden.clone().requires_grad_(), unembed.clone().requires_grad_()]
    found = weighted_loss(*ours, targets, weights)
    wanted = (F.cross_entropy(plain[0] @ plain[1].T, targets, reduction="none") * weights).sum()
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-5)
    (found * scale).backward()
    (wanted * scale).backward()
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-5, rtol=1e-5)


def test_a_mean_is_weights_that_sum_to_one() -> None:
    hidden, unembed, targets, _ = draw(40)
    found = weighted_loss(hidden, unembed, targets, torch.full((40,), 1 / 40))
    torch.testing.assert_close(found, F.cross_entropy(hidden @ unembed.T, targets), atol=1e-5, rtol=0)


def test_without_gradients_only_the_value_is_made() -> None:
    hidden, unembed, targets, weights = draw(20)
    assert not weighted_loss(hidden, unembed, targets, weights).requires_grad


def test_bf16_states_give_the_fp32_loss_up_to_their_rounding() -> None:
    hidden, unembed, targets, _ = draw(64)
    weights = torch.full((64,), 1 / 64)
    rough = weighted_loss(hidden.bfloat16(), unembed, targets, weights)
    assert rough.dtype == torch.float32
    assert abs(rough.item() - weighted_loss(hidden, unembed, targets, weights).item()) < 0.02


def test_logprobs_are_those_of_the_softmax() -> None:
    hidden, unembed, targets, _ = draw(50)
    wanted = (hidden @ unembed.T).log_softmax(-1).gather(1, targets[:, None])[:, 0]
    torch.testing.assert_close(token_logprobs(hidden, unembed, targets), wanted, atol=1e-5, rtol=0)
    assert token_logprobs(hidden[:0], unembed, targets[:0]).shape == (0,)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_token_that_is_all_but_impossible_costs_what_it_should(dtype: torch.dtype) -> None:
    logits_NV = torch.zeros(3, 31)
    logits_NV[0, 4], logits_NV[1], logits_NV[2, 5] = 4096.0, -8192.0, -4096.0
    targets_N, weights_N = torch.tensor([7, 7, 5]), torch.tensor([1.0, -2.0, 0.0])
    losses_N, slope_NV = loss.plain_slopes(logits_NV.to(dtype), targets_N, weights_N, True)
    wanted_NV = logits_NV.clone().requires_grad_()
    wanted_N = F.cross_entropy(wanted_NV, targets_N, reduction="none")
    (wanted_N * weights_N).sum().backward()
    torch.testing.assert_close(losses_N, wanted_N.detach(), rtol=1e-6, atol=1e-3)
    assert wanted_NV.grad is not None
    torch.testing.assert_close(slope_NV, wanted_NV.grad.to(dtype))
    torch.testing.assert_close(loss.plain_slopes(logits_NV.to(dtype), targets_N, weights_N, False)[0], losses_N)
