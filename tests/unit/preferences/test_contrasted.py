"""DPO's objective: its value and gradient are those of the formula, written down plainly, whatever the packing."""

from __future__ import annotations

import random

import pytest
import torch
import torch.nn.functional as F
from tiny_training import model as tiny

from trivium.model.transformer import Transformer
from trivium.text.preferences.pairs import Encoded, Pair
from trivium.train.preferences.contrasted import Contrast, ContrastedPairs, all_logprobs

CPU = torch.device("cpu")


def pairs(count: int = 9) -> list[Pair]:
    rng, found = random.Random(3), []
    for i in range(count):
        asked = [rng.randrange(40) for _ in range(rng.randint(2, 5))]
        sides = []
        for _ in "ab":
            said = [rng.randrange(40) for _ in range(rng.randint(1, 6))]
            sides.append(Encoded(asked + said, [False] * len(asked) + [True] * len(said)))
        found.append(Pair(*sides, tie=i % 4 == 1))
    return found


def plainly(model: Transformer, side: Encoded) -> torch.Tensor:
    logits = model.logits(model(torch.tensor([side.ids])))[0].log_softmax(-1)
    return sum(logits[i - 1, index] for i, index in enumerate(side.ids) if side.mask[i])  # type: ignore[return-value]


def plain_loss(model: Transformer, some: list[Pair], known: torch.Tensor, loss: str, smoothing: float) -> torch.Tensor:
    total = torch.zeros(())
    for i, pair in enumerate(some):
        good, bad = (plainly(model, side) - known[i, j] for j, side in enumerate((pair.chosen, pair.rejected)))
        doubt = 0.5 if pair.tie else smoothing
        if loss == "ipo":
            margin = good / sum(pair.chosen.mask) - bad / sum(pair.rejected.mask)
            total = total + (margin - (1 - 2 * doubt) / (2 * 0.3)) ** 2
        else:
            margin = 0.3 * (good - bad)
            total = total - (1 - doubt) * F.logsigmoid(margin) - doubt * F.logsigmoid(-margin)
    return total / len(some)


@pytest.mark.parametrize(("loss", "smoothing"), [("sigmoid", 0.0), ("sigmoid", 0.2), ("ipo", 0.0)])
@pytest.mark.parametrize("room", [24, 400])
def test_value_and_gradient_are_the_formulas(loss: str, smoothing: float, room: int) -> None:
    model, reference, some = tiny(), tiny(seed=1), pairs()
    source = ContrastedPairs(some, room, len(some), 0, 46)
    known, counts = all_logprobs(reference, source)
    assert counts.tolist() == [[sum(p.chosen.mask), sum(p.rejected.mask)] for p in some]
    for i, pair in enumerate(some):
        assert known[i, 0].item() == pytest.approx(plainly(reference, pair.chosen).item(), abs=1e-4)
    wanted = plain_loss(model, some, known, loss, smoothing)
    wanted.backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    objective = Contrast(known, torch.tensor([p.tie for p in some]), 0.3, loss, smoothing)
    batch, total = source.batch(0), 0.0
    assert source.steps_per_epoch == 1
    for start in range(0, len(batch.ids_BT), 2):
        part = objective(model, batch.rows(start, start + 2, CPU))
        part.backward()
        total += part.item()
    assert total == pytest.approx(wanted.item(), rel=1e-4)
    for name, gradient in gradients.items():
        torch.testing.assert_close(model.get_parameter(name).grad, gradient, atol=2e-5, rtol=1e-3)


def test_nothing_before_the_answer_is_taught() -> None:
    source = ContrastedPairs(pairs(), 64, 9, 0, 46)
    batch = source.batch(0)
    taught = int((batch.weights_BT > 0).sum())
    assert taught == sum(sum(side.mask) for pair in pairs() for side in (pair.chosen, pair.rejected))


def test_a_policy_that_is_its_reference_loses_what_a_coin_does() -> None:
    model, some = tiny(), pairs()
    source = ContrastedPairs(some, 64, 9, 0, 46)
    known, _ = all_logprobs(model, source)
    loss = Contrast(known, torch.zeros(len(some), dtype=torch.bool), 0.1)(model, source.batch(0))
    assert loss.item() == pytest.approx(0.693147, abs=1e-4)
