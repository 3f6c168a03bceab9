"""An invariant engine: the same bits, whatever else is in the batch, whenever it came, in whichever slot."""

from __future__ import annotations

import random

import pytest
import torch

from trivium.generate.engine import Engine, Request
from trivium.model.config import ModelConfig
from trivium.model.transformer import Transformer


@pytest.fixture(scope="module", params=[torch.float32, torch.bfloat16])
def wide(request: pytest.FixtureRequest) -> Transformer:
    """Wide enough that a matrix product is done in blocks of more than one kind."""
    torch.set_num_threads(1)
    shape = ModelConfig(vocab_size=533, hidden_size=192, intermediate_size=360, num_hidden_layers=2,
                        num_attention_heads=6, num_key_value_heads=3, head_dim=32)  # fmt: skip
    model = Transformer(shape, request.param)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * (0.1 if parameter.ndim > 1 else 1))
    return model.eval()


def test_bits_are_the_same_whatever_else_is_served(wide: Transformer) -> None:
    rng = random.Random(0)
    mine = Request(rng.choices(range(533), k=90), 12, 1.0, seed=5, top_logprobs=3)
    others = [
        Request(rng.choices(range(533), k=rng.randint(1, 100)), rng.randint(1, 20), rng.choice([0.0, 1.0]), i)
        for i in range(20)
    ]
    group = [Request(mine.ids, 12, 1.0, seed) for seed in range(4)]
    longer = [Request([*mine.ids, *other.ids], 3) for other in others[:3]]

    def engine() -> Engine:
        return Engine(wide, batch=8, invariant=True, slots_tokens=256)

    wanted = engine().run([mine])[0]
    for before in ([], others[:5], others, group, longer, [*longer, *group]):
        found = engine().run([*before, mine, *others[:7]])[len(before)]
        assert found == wanted
    busy = engine()
    busy.run(others)
    for other in others[:6]:
        busy.add(other)
    for _ in range(4):
        busy.step()
    ticket, found = busy.add(mine), None
    while busy.live or busy.waiting:
        for event in busy.step():
            found = event.completion if event.ticket == ticket else found
    assert found == wanted
