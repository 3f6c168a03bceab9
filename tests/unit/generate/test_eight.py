"""int8 matrices: the product is that of the rounded matrix, the rounding is small, new weights are rounded anew."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from trivium.generate.engine import Engine, Request
from trivium.generate.steps.eight import Eight
from trivium.generate.steps.weights import Dense
from trivium.model.transformer import Transformer


@pytest.mark.parametrize("rows", [1, 3, 8, 9, 40])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_product_is_that_of_the_rounded_matrix(rows: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trivium.generate.steps.eight.SHARED", 1)
    monkeypatch.setattr("trivium.generate.steps.eight.STRETCH", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    generator = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(133, 50, generator=generator), torch.randn(133, generator=generator)
    weight[5] = 0
    x = torch.randn(rows, 50, generator=generator)
    narrow = Eight(Dense(weight, bias))
    rounded = narrow.weight.float() * narrow.scales[:, None]
    assert ((rounded - weight).abs() <= narrow.scales[:, None] * 0.5001).all()
    torch.testing.assert_close(narrow(x), x @ rounded.T + bias, atol=1e-4, rtol=1e-5)


def test_a_model_in_int8_is_nearly_the_model(model: Transformer) -> None:
    exact, narrow = Engine(model), Engine(model, int8=True)
    found = narrow.run([Request([1, 2, 3, 4, 5], 20, 1.0, seed=1), Request([7] * 30, 20)])
    for completion, prompt in zip(found, ([1, 2, 3, 4, 5], [7] * 30), strict=True):
        with torch.no_grad():
            logits = model.logits(model(torch.tensor([[*prompt, *completion.ids]])))[0, len(prompt) - 1 : -1]
        wanted = logits.log_softmax(-1).gather(1, torch.tensor(completion.ids)[:, None])[:, 0]
        assert (torch.tensor(completion.logprobs) - wanted).abs().mean() < 0.1
    assert exact.run([Request([1, 2], 3)])[0].ids


def test_new_weights_are_rounded_anew(model: Transformer) -> None:
    other = deepcopy(model)
    engine = Engine(other, int8=True)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(1.5)
    engine.refresh(other)
    request = Request([1, 2, 3], 12)
    assert engine.run([request]) == Engine(other, int8=True).run([request])
