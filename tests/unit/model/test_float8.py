"""Products in eight bits: close to exact ones, scales that need no look at the host, and kernels that say the same."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest
import torch

from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.model.config import ModelConfig
from trivium.model.float8 import DOWN, E4M3, E5M2, LEARNING, SLOTS, plain_cast, room
from trivium.model.transformer import Transformer
from trivium.train.fit import hasten

KINDS = (E4M3, E5M2)


def model(**changes: Any) -> Transformer:
    shape = {
        "vocab_size": 64, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
    }  # fmt: skip
    made = Transformer(ModelConfig(**(shape | changes)))
    made.init_weights(torch.Generator().manual_seed(0))
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=noise) * 0.1)
    return made.train()


def learned(made: Transformer) -> list[torch.Tensor]:
    """The hidden states of two rows, and the gradient of every parameter."""
    generator = torch.Generator().manual_seed(2)
    ids, slope = torch.randint(0, 64, (2, 16), generator=generator), torch.randn(2, 16, 64, generator=generator)
    made.zero_grad()
    hidden = made(ids)
    (hidden * slope * 1e-6).sum().backward()
    return [hidden.detach(), *(p.grad.clone() for p in made.parameters() if p.grad is not None)]


def off(one: list[torch.Tensor], other: list[torch.Tensor]) -> float:
    """The largest relative error of a tensor."""
    return max(((a - b).norm() / b.norm()).item() for a, b in zip(one, other, strict=True))


def test_values_and_gradients_are_near_the_exact_ones() -> None:
    made = model()
    exact = learned(made)
    made.take_float8()
    found = learned(made)
    assert 1e-3 < off(found, exact) < 0.3, "five to ten per cent a product, over two blocks and back"
    cosines = [torch.cosine_similarity(a.flatten(), b.flatten(), 0).item() for a, b in zip(found, exact, strict=True)]
    assert min(cosines) > 0.95


def test_evaluation_is_untouched() -> None:
    made, ids = model().eval(), torch.arange(16)[None]
    before = made(ids)
    made.take_float8()
    assert torch.equal(made(ids), before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cast_is_within_half_a_digit_and_turned_too(kind: torch.dtype) -> None:
    x, to = torch.randn(24, 40, generator=torch.Generator().manual_seed(3)), room((24, 40), kind, torch.device("cpu"))
    noted = torch.zeros(1)
    plain_cast(x, to, torch.tensor(32.0), noted)
    digits = 3 if kind == E4M3 else 2
    small = x.abs() * 32 < torch.finfo(kind).smallest_normal
    assert ((to.rows.float() / 32 - x).abs() <= x.abs() * 2.0 ** -(digits + 1))[~small].all()
    assert torch.equal(to.rows.float().t(), to.columns.float())
    assert noted.item() == x.abs().max()


def test_beyond_the_range_numbers_are_cut_off_and_what_is_none_stays_none() -> None:
    to = room((1, 3), E4M3, torch.device("cpu"))
    plain_cast(torch.tensor([[1e6, -1e6, torch.nan]]), to, torch.ones(1), torch.zeros(1))
    assert to.rows.float()[0, :2].tolist() == [448.0, -448.0]
    assert to.rows.float()[0, 2].isnan()


def test_scales_are_those_of_the_step_before_once_learning_is_over() -> None:
    made = model()
    made.take_float8()
    scales = made.float8
    assert scales is not None
    scales.begin(LEARNING - 1)
    learned(made)
    scales.end(lambda _: None)
    before = scales.largest.clone()
    scales.begin(LEARNING)
    activations = torch.arange(len(before)).view(-1, SLOTS)[:, :8].flatten()
    room_left = scales.limits[activations] / (before[activations] * scales.scale_S4[activations, 0])
    assert ((room_left >= 1) & (room_left < 2)).all(), "the largest power of two that leaves the room"
    assert (scales.scale_S4[activations, 0].log2() % 1 == 0).all()
    kept = scales.scale_S4.clone()
    with torch.no_grad():
        made.layers[0].input_layernorm.weight.mul_(100)
    learned(made)
    assert torch.equal(scales.scale_S4, kept), "larger numbers are noted, and change the next step's scales only"
    scales.end(lambda _: None)
    assert scales.largest[0] > 50 * before[0]


def test_a_step_casts_a_matrix_once_and_the_next_one_anew() -> None:
    made = model()
    made.take_float8()
    scales = made.float8
    assert scales is not None
    scales.begin(0)
    learned(made)
    first = scales.layers[1].casts[DOWN]
    learned(made)
    assert scales.layers[1].casts[DOWN] is first
    scales.end(lambda _: None)
    assert not scales.layers[1].casts
    number = SLOTS + 8 + DOWN
    before = scales.scale_S4[number, 0].item()
    with torch.no_grad():
        made.layers[1].mlp.down_proj.weight.mul_(8)
    scales.begin(1)
    assert scales.scale_S4[number, 0].item() == before / 8


@pytest.mark.parametrize(
    ("changes", "how", "said"),
    [
        ({"intermediate_size": 88}, How(), "16 divides, not 88"),
        ({"model_type": "llama", "mlp_bias": True}, How(), "without biases"),
        ({}, How(blocks="compiled"), "not compiled"),
    ],
)
def test_what_fp8_cannot_do_is_refused(changes: dict[str, Any], how: How, said: str) -> None:
    made = model(**changes)
    made.take_float8()
    with pytest.raises(UsageError, match=said):
        hasten(made, how)


def test_an_old_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    made = model()
    made.take_float8()
    monkeypatch.setattr(Transformer, "device", torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (8, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "an old one")
    with pytest.raises(UsageError, match=r"an old one, compute capability 8\.0"):
        hasten(made, How())


def round_as_torch() -> None:
    """Triton's interpreter loses the carry when it rounds to eight bits; GPUs do not, so let torch round there."""
    from triton.runtime import interpreter

    theirs = interpreter._convert_float

    def convert(values: Any, source: Any, target: Any, mode: Any) -> Any:
        kind = {"fp8e4nv": E4M3, "fp8e5": E5M2}.get(str(target))
        if kind is None:
            return theirs(values, source, target, mode)
        return torch.from_numpy(values.copy()).to(kind).view(torch.uint8).numpy()

    interpreter._convert_float = convert


def check_casts() -> None:
    """Raise unless each casting kernel says what plain torch says; shapes that no program's share divides."""
    from trivium.model.fused.cast import cast, gate_cast, gate_slope_cast

    generator, place = torch.Generator().manual_seed(4), torch.device("cpu")
    both, slope = torch.randn(72, 2 * 144, generator=generator), torch.randn(72, 144, generator=generator)
    inverse, gain = torch.rand(72, generator=generator), torch.rand(144, generator=generator)
    wide = both.clone().requires_grad_()
    gated = torch.nn.functional.silu(wide[:, :144]) * wide[:, 144:]
    (of_both,) = torch.autograd.grad(gated, wide, slope)
    scale = torch.tensor([64.0])
    for kind in KINDS:
        for x, kernel in (
            (slope, lambda *to: cast(slope, *to)),
            (slope * inverse[:, None] * gain, lambda *to: cast(slope, *to, inverse, gain)),
            (gated.detach(), lambda *to: gate_cast(both, *to)),
            (of_both, lambda *to: gate_slope_cast(slope, both, *to)),
        ):
            one, other = (room(x.shape, kind, place) for _ in range(2))
            noted, largest = torch.zeros(1), torch.zeros(1)
            kernel(one, scale, noted)
            plain_cast(x, other, scale, largest)
            torch.testing.assert_close(noted, largest)
            torch.testing.assert_close(one.columns.float(), one.rows.float().t(), rtol=0, atol=0)
            share = (one.rows.float() != other.rows.float()).float().mean().item()
            assert share < 0.002, f"{share:.2%} of numbers are rounded otherwise"


def check_blocks() -> None:
    """Raise unless fused blocks in eight bits are the plain ones in eight bits, but for numbers between two steps."""
    for changes in ({}, {"model_type": "llama"}):
        made = model(**changes)
        made.take_float8()
        plain = learned(made)
        for recompute in (False, True):
            made.hasten("fused", recompute)
            found = learned(made)
            assert off(found, plain) < 0.02, (changes, recompute, off(found, plain))


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
@pytest.mark.skipif(torch.cuda.is_available(), reason="the GPU itself is asked")
def test_the_kernels_are_plain_torch_in_tritons_interpreter() -> None:
    here = os.path.dirname(__file__)
    checks = "t.round_as_torch(); t.check_casts(); t.check_blocks()"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = [{here!r}]; import test_float8 as t; {checks}"],
        text=True, check=False, capture_output=True,
        env=os.environ | {"TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="There is no GPU.")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("shape", "dtype"), [((768, 768), torch.float32), ((1024, 768), torch.bfloat16)])
def test_on_a_gpu_a_cast_is_plain_torchs_both_ways(
    shape: tuple[int, int], dtype: torch.dtype, kind: torch.dtype
) -> None:
    from trivium.model.fused.cast import cast

    place = torch.device("cuda")
    x, scale = torch.randn(shape, device=place).to(dtype), torch.tensor([16.0], device=place)
    one, other = (room(shape, kind, place) for _ in range(2))
    cast(x, one, scale, torch.zeros(1, device=place))
    plain_cast(x, other, scale, torch.zeros(1, device=place))
    for found, wanted in zip(one, other, strict=True):
        assert torch.equal(found.view(torch.uint8), wanted.view(torch.uint8))
