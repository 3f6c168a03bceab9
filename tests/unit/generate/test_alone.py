"""Attention of rows that decode on a CPU: one kernel says what norms, rotation, writing and torch's attention say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trivium.generate.steps import alone, forward
from trivium.generate.steps.forward import mask_of
from trivium.generate.steps.slots import Place, Slots
from trivium.generate.steps.weights import Weights
from trivium.model.config import ModelConfig
from trivium.model.transformer import Transformer

SHAPES: dict[str, dict[str, Any]] = {
    "normed": {},
    "grouped": {"num_attention_heads": 6},
    "llama, one group": {"num_attention_heads": 6, "num_key_value_heads": 1, "model_type": "llama"},
}
POSITIONS = [0, 5, -1, 13, 30]


def stepped(shape: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch, by_kernel: bool) -> tuple[Tensor, Slots]:
    """One token for each of five rows, of which one stands still; the normed stream, and the slots afterwards."""
    about = {"vocab_size": 50, "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 2, "head_dim": 16,
             "num_attention_heads": 2, "num_key_value_heads": 2}  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    model = Transformer.drawn(ModelConfig(**(about | SHAPES[shape])), dtype, torch.device("cpu"), 0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    weights = Weights(model)
    slots = Slots(model.config, 8, 32, dtype, torch.device("cpu"))
    for kept in (slots.keys, slots.values):
        kept.copy_(torch.randn(kept.shape, generator=generator))
    standing_N1 = torch.tensor(POSITIONS)[:, None]
    positions_N1 = standing_N1.clamp(min=0)
    targets_N1 = torch.where(standing_N1 < 0, 31, standing_N1)
    place = Place(slice(0, 5), positions_N1, targets_N1, 31, False, mask_of(positions_N1, 31))
    if not by_kernel:
        monkeypatch.setattr(forward, "can_alone", lambda *_: False)
    ids_N1 = torch.tensor([[1], [2], [3], [4], [5]])
    return forward.forward(weights, slots, ids_N1, place), slots


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dtype", "off"), [(torch.float32, 1e-5), (torch.bfloat16, 0.06)])
def test_the_kernel_says_what_torch_says(
    shape: str, dtype: torch.dtype, off: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, wanted = (stepped(shape, dtype, monkeypatch, by_kernel) for by_kernel in (True, False))
    moving = [i for i, position in enumerate(POSITIONS) if position >= 0]
    torch.testing.assert_close(found[0][moving], wanted[0][moving], atol=off, rtol=off)
    for kept, other in ((found[1].keys, wanted[1].keys), (found[1].values, wanted[1].values)):
        torch.testing.assert_close(kept[..., :31, :], other[..., :31, :], atol=off, rtol=off)
        assert torch.equal(kept[:, 5:], other[:, 5:]), "other slots are left alone"


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alone, "SHARED", 1)
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        found.append(stepped("grouped", torch.float32, monkeypatch, True)[0])
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_bf16_is_rounded_as_torch_rounds_it() -> None:
    from trivium.generate.steps.gathered import gather

    generator = torch.Generator().manual_seed(0)
    wide = torch.cat([torch.randn(62, generator=generator) * 1e3, torch.tensor([0.0, 1e-40])])
    new = torch.zeros(1, 3, 64)
    new[0, 1] = wide  # the key, which is written turned by no angle
    keys, values, out = np.zeros((1, 1, 4, 64), np.uint16), np.zeros((1, 1, 4, 64), np.uint16), np.zeros((1, 1, 64))
    bits = new.to(torch.bfloat16).view(torch.uint16).numpy()
    where, none = np.zeros(1, np.int64), np.empty((2, 0), np.float32)
    angles = np.full((4, 32), 1 / 3, np.float32), np.zeros((4, 32), np.float32)
    gather(bits, keys, values, where, where, *angles, none, np.float32(1e-6), out.astype(np.uint16), 0, 1)
    wanted = (torch.from_numpy(bits).view(torch.bfloat16).float() * torch.tensor(1 / 3)).to(torch.bfloat16)[0, 1]
    assert torch.equal(torch.from_numpy(keys[0, 0, 0]).view(torch.bfloat16), wanted)
