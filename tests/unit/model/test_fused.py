"""The fused kernels say what the plain blocks say: on a GPU, or where Triton is installed in its interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest
import torch

from trivium.model import optim
from trivium.model.attention import document_mask, spans_of
from trivium.model.config import ModelConfig, OptimizerConfig
from trivium.model.loss import plain_slopes
from trivium.model.optim import Optimizer
from trivium.model.transformer import Transformer

GPU = torch.cuda.is_available()
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
SHAPES: dict[str, dict[str, Any]] = {
    "qwen3": {},
    "grouped": {"num_key_value_heads": 1},
    "llama": {"num_key_value_heads": 1, "model_type": "llama"},
    "llama, biases": {"model_type": "llama", "attention_bias": True, "mlp_bias": True},
    "qwen2": {"num_key_value_heads": 1, "model_type": "qwen2"},
}
ALIKE = 2e-5


def model(dtype: torch.dtype = torch.float32, **changes: Any) -> Transformer:
    shape = {
        "vocab_size": 50, "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 2,
        "num_attention_heads": 3, "num_key_value_heads": 3, "head_dim": 16,
    }  # fmt: skip
    made = Transformer(ModelConfig(**(shape | changes)), dtype)
    made.init_weights(torch.Generator().manual_seed(0))
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=noise) * 0.1)
    return made.cuda() if GPU else made


def learned(made: Transformer, how: str, recompute: bool = False, packed: bool = False) -> list[torch.Tensor]:
    """The hidden states of two rows, and the gradient of every parameter, by one way of running the blocks."""
    generator = torch.Generator().manual_seed(2)
    ids, slope = torch.randint(0, 50, (2, 13), generator=generator), torch.randn(2, 13, 48, generator=generator)
    documents = torch.tensor([[0] * 5 + [1] * 8, [2] * 13]) if packed else None
    place = made.device
    made.hasten(how, recompute)
    made.train()
    made.zero_grad()
    hidden = made(ids.to(place), documents_BT=None if documents is None else documents.to(place))
    (hidden * slope.to(place)).sum().backward()
    return [hidden.detach(), *(p.grad.clone() for p in made.parameters() if p.grad is not None)]


def far(one: list[torch.Tensor], other: list[torch.Tensor]) -> float:
    return max(((a - b).abs().max() / b.abs().max().clamp(min=1e-9)).item() for a, b in zip(one, other, strict=True))


def check_blocks() -> None:
    """Raise unless fused blocks give the values and gradients of plain ones, in fp32."""
    for name, changes in SHAPES.items():
        for packed in (False, True):
            made = model(**changes)
            plain = learned(made, "plain", packed=packed)
            for recompute in (False, True):
                off = far(learned(made, "fused", recompute, packed), plain)
                assert off < ALIKE, f"{name}, packed {packed}, recompute {recompute}: {off}"


def check_slopes() -> None:
    """Raise unless the loss kernel gives the losses and slopes of the plain one; the width is no power of two."""
    from trivium.model.fused.softmax import fused_slopes

    place = "cuda" if GPU else "cpu"
    logits = torch.randn(7, 50, generator=torch.Generator().manual_seed(3)).to(place) * 3
    targets, weights = torch.arange(7, device=place), torch.linspace(-1, 1, 7, device=place)
    for need in (True, False):
        ours = fused_slopes(logits.clone(), targets, weights, need)
        for one, other in zip(ours, plain_slopes(logits.clone(), targets, weights, need), strict=True):
            assert (one - other).abs().max() < 1e-5


def check_updates() -> None:
    """Raise unless the optimizer's kernels move weights and state as the plain optimizer does."""
    optim.LARGE = 512  # some of the small model's tensors are above it, some below
    for changes in ({}, {"cautious": False}, {"weight_decay": 0.0}):
        config = OptimizerConfig(momentum_start=0.85, **({"weight_decay": 0.1, "cautious": True} | changes))
        ends = []
        for fused in (False, True):
            made = model()
            optimizer = Optimizer(made, config)
            optimizer.fused = fused
            generator = torch.Generator().manual_seed(4)
            for scale in (1.0, 0.5, 0.25):
                for parameter in made.parameters():
                    parameter.grad = torch.randn(parameter.shape, generator=generator).to(made.device)
                optimizer.step(scale)
            ends.append([*(p.detach() for p in made.parameters()), *optimizer.state.values()])
        close = 2e-2 if GPU else 1e-4  # a GPU makes updates orthogonal in bf16
        assert far(ends[1], ends[0]) < close, changes


@needs_triton
@pytest.mark.skipif(GPU, reason="the GPU itself is asked")
def test_the_kernels_are_the_plain_blocks_in_tritons_interpreter() -> None:
    here = os.path.dirname(__file__)
    checks = "t.check_blocks(); t.check_slopes(); t.check_updates()"
    code = f"import sys; sys.path[:0] = [{here!r}]; import test_fused as t; {checks}"
    done = subprocess.run(
        [sys.executable, "-c", code], text=True, check=False, capture_output=True,
        env=os.environ | {"TRITON_INTERPRET": "1", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@needs_triton
@pytest.mark.skipif(not GPU, reason="no GPU here")
def test_the_kernels_are_the_plain_blocks_on_a_gpu() -> None:
    torch.backends.cuda.matmul.allow_tf32 = False
    check_blocks()
    check_slopes()
    check_updates()


@needs_triton
@pytest.mark.skipif(not GPU, reason="no GPU here")
def test_documents_as_spans_are_documents_as_a_mask() -> None:
    documents = torch.tensor([[0] * 40 + [1] * 30 + [2] * 58, [3] * 128])
    made = model(torch.bfloat16, head_dim=32)
    made.hasten("fused")
    made.train()
    ids = torch.randint(0, 50, (2, 128), generator=torch.Generator().manual_seed(2)).cuda()
    found = spans_of(documents)
    spans = type(found)(found.starts.cuda(), found.longest)
    one, other = made(ids, documents_BT=documents.cuda(), spans=spans), made(ids, documents_BT=documents.cuda())
    crossing = made(ids)
    assert (one - other).abs().max() < 0.1
    assert (one - crossing).abs().max() > 0.5, "the mask matters"


def test_spans_begin_where_a_document_or_a_row_does() -> None:
    documents = torch.tensor([[4, 4, 4, 7, 7], [7, 7, 9, -1, -1]])
    spans = spans_of(documents)
    assert spans.starts.tolist() == [0, 3, 5, 7, 8, 10]
    assert spans.starts.dtype == torch.int32
    mask = document_mask(documents)
    assert mask is not None
    owner = torch.searchsorted(spans.starts[1:].long(), torch.arange(10), right=True).view(2, 5)
    assert torch.equal(mask, document_mask(owner)), "the same tokens see each other"


def test_fused_blocks_are_refused_where_they_cannot_run() -> None:
    from trivium.ground.errors import UsageError
    from trivium.ground.how import How
    from trivium.train.fit import hasten

    if not GPU:
        with pytest.raises(UsageError, match="NVIDIA GPU"):
            hasten(model(), How(blocks="fused"))
    with pytest.raises(UsageError, match="no choice"):
        hasten(model(), How(blocks="fast"))
