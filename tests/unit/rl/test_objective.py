"""Advantages and objectives against the formulas of their papers, written out with whole logits and autograd."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from trivium.model.transformer import Transformer
from trivium.stages.rl.advantages import advantages, overlong_penalty, shares
from trivium.stages.rl.config import ObjectiveConfig
from trivium.stages.rl.objective import Objective, distance_estimate
from trivium.train.batch import Batch

GROUP = [1.0, 0.0, 0.0, 1.0, 0.0]


def test_advantages_are_those_of_the_papers() -> None:
    mean, deviation = 0.4, math.sqrt(sum((x - 0.4) ** 2 for x in GROUP) / 4)
    assert advantages([GROUP], "mean")[0] == pytest.approx([x - mean for x in GROUP])
    assert advantages([GROUP], "deviation")[0] == pytest.approx([(x - mean) / deviation for x in GROUP], rel=1e-4)
    others = [x - (sum(GROUP) - x) / 4 for x in GROUP]
    assert advantages([GROUP], "loo")[0] == pytest.approx(others)
    assert advantages([GROUP], "max")[0] == pytest.approx([(x - mean) / mean for x in GROUP], rel=1e-4)
    assert advantages([GROUP, [1.0] * 5], "batch")[1] == pytest.approx([0.3] * 5)


@pytest.mark.parametrize("rule", ["mean", "deviation", "loo", "max"])
def test_equal_rewards_have_no_advantage(rule: str) -> None:
    assert advantages([[0.3] * 4], rule) == [[0.0] * 4]


def test_what_a_token_weighs() -> None:
    assert shares([2, 8], "tokens", 16) == ([1, 1], 10)
    assert shares([2, 8, 0], "answers", 16) == ([0.5, 0.125, 0], 2)
    assert shares([2, 8], "longest", 16) == ([1, 1], 32)


def test_the_penalty_grows_over_the_margin() -> None:
    config = ObjectiveConfig(overlong="penalised", overlong_margin=4)
    assert [overlong_penalty(n, config, 16) for n in (5, 12, 14, 16)] == [0, 0, 0.5, 1]


@pytest.fixture
def rows(model: Transformer) -> Batch:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(0, 200, (3, 9), generator=generator)
    own = (torch.rand(3, 9, generator=generator) < 0.6).float()
    weights = torch.randn(3, 9, generator=generator) * own / own.sum()
    sampled = (whole(model, ids[:, :], 1.0) + 0.4 * torch.randn(3, 9, generator=generator)).detach() * own
    more = {"own": own, "sampled": sampled, "share": own / own.sum()}
    return Batch(ids, ids.roll(-1, 1), weights, None, more=more)


def whole(model: Transformer, ids: Tensor, temperature: float) -> Tensor:
    logits = model.logits(model(ids)) / temperature
    return torch.log_softmax(logits, -1).gather(2, ids.roll(-1, 1)[..., None])[..., 0]


def written_out(config: ObjectiveConfig, batch: Batch, logp: Tensor, first: Tensor) -> Tensor:
    """The loss as the papers have it, token by token."""
    total = logp.new_zeros(())
    for row in range(3):
        for place in range(9):
            if not batch.more["own"][row, place]:
                continue
            p, old, q = logp[row, place], batch.more["sampled"][row, place], first[row, place].detach()
            weight, share = batch.weights_BT[row, place], batch.more["share"][row, place]
            if config.kl_in_reward:
                weight = weight - config.kl * share * (p - q).detach()
            ratio = torch.exp(p - old)
            if config.kind == "truncated":
                total = total - ratio.detach().clamp(max=1 + config.clip_high) * weight * p
            else:
                cut = ratio.clamp(1 - config.clip_low, 1 + config.clip_high)
                total = total - torch.minimum(ratio * weight, cut * weight)
            if config.kl and not config.kl_in_reward:
                d = q - p
                total = total + config.kl * share * (d**2 / 2 if config.kl_form == "k2" else d.exp() - 1 - d)
    return total


@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize(
    "config",
    [
        ObjectiveConfig(),
        ObjectiveConfig(clip_low=0.1, clip_high=0.28),
        ObjectiveConfig(kind="truncated", clip_high=0.5),
        ObjectiveConfig(kl=0.3, kl_form="k2"),
        ObjectiveConfig(kl=0.3, kl_form="k3"),
        ObjectiveConfig(kl=0.3, kl_form="k1", kl_in_reward=True),
    ],
)
def test_value_and_gradient_are_the_formula_s(
    model: Transformer, rows: Batch, config: ObjectiveConfig, temperature: float
) -> None:
    first = Transformer(model.config)
    first.init_weights(torch.Generator().manual_seed(5))
    objective = Objective(config, temperature, stale=True, first=first if config.kl else None)
    model.zero_grad()
    loss = objective(model, rows)
    loss.backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    wanted = written_out(config, rows, whole(model, rows.ids_BT, temperature), whole(first, rows.ids_BT, temperature))
    wanted.backward()
    assert loss.item() == pytest.approx(wanted.item(), abs=1e-5)
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(found[name], parameter.grad, atol=2e-6, rtol=1e-3)


def test_clipped_tokens_are_counted(model: Transformer, rows: Batch) -> None:
    objective = Objective(ObjectiveConfig(clip_low=0.01, clip_high=0.01), 1.0, stale=True)
    objective(model, rows)
    told: dict[str, Any] = objective.figures()
    ratio = (whole(model, rows.ids_BT, 1.0) - rows.more["sampled"]).exp()
    own = rows.more["own"]
    above = ((ratio > 1.01) & (rows.weights_BT > 0)).float() * own
    assert told["clip_ratio/high_mean"] == pytest.approx(float(above.sum() / own.sum()))
    assert objective.figures() == {}


def test_estimates_of_the_distance_are_right_on_average() -> None:
    p, q = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.5, 0.3, 0.2])
    exact = float((p * (p / q).log()).sum())
    for form in ("k1", "k3"):
        assert float((p * distance_estimate((q / p).log(), form)).sum()) == pytest.approx(exact, abs=1e-6)
    assert float((p * distance_estimate((q / p).log(), "k2")).sum()) == pytest.approx(exact, abs=0.02)
