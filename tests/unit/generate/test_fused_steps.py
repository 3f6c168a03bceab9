"""A GPU's way of stepping says what the CPU's says: its kernels in the interpreter, its lag of a step as it is."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest
import torch

from trivium.generate.engine import Engine, Request
from trivium.generate.steps import decode, runner
from trivium.generate.steps.decode import Standing
from trivium.model.config import ModelConfig
from trivium.model.transformer import Transformer

GPU = torch.cuda.is_available()
PLACE = "cuda" if GPU else "cpu"
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
SHAPES: dict[str, dict[str, Any]] = {
    "qwen3": {},
    "grouped": {"num_attention_heads": 6},
    "llama": {"num_attention_heads": 6, "num_key_value_heads": 1, "model_type": "llama"},
    "qwen2": {"model_type": "qwen2"},
}


def model(dtype: torch.dtype = torch.float32, **changes: Any) -> Transformer:
    shape = {"vocab_size": 50, "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 2,
             "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16}  # fmt: skip
    made = Transformer(ModelConfig(**(shape | changes)), dtype)
    made.init_weights(torch.Generator().manual_seed(0))
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=noise) * 0.2)
    return made.to(PLACE).eval()


@torch.no_grad()
def check_kernels() -> None:
    """Raise unless a fused step gives a plain step's logits, and keys and values, with rows that stand still."""
    from trivium.generate.steps.fused import scores

    for name, changes in SHAPES.items():
        engine = Engine(model(**changes), batch=4)
        engine.admission.grow(4, 300)
        slots, state, weights = engine.admission.slots, engine.runner.state, engine.weights
        generator = torch.Generator().manual_seed(2)
        for kept in (slots.keys, slots.values):
            kept.copy_(torch.randn(kept.shape, generator=generator))
        state.put([0, 1, 2, 3], [Standing(7, 0), Standing(9, -1), Standing(1, 130), Standing(3, 299)])
        before = slots.keys.clone(), slots.values.clone()
        plain = decode.scores(weights, slots, state, 4, 300)
        after = slots.keys[..., :-1, :].clone(), slots.values[..., :-1, :].clone()
        for kept, old in zip((slots.keys, slots.values), before, strict=True):
            kept.copy_(old)
        fused = scores(weights, slots, state, 4, 512)
        live = [0, 2, 3]
        assert (fused[live] - plain[live]).abs().max() < 2e-5 * plain.abs().max(), name
        for kept, wanted in zip((slots.keys, slots.values), after, strict=True):
            assert (kept[..., :-1, :] - wanted).abs().max() < 2e-5, name
        assert torch.isfinite(fused).all(), name


@needs_triton
@pytest.mark.skipif(GPU, reason="the GPU itself is asked")
def test_the_kernels_are_the_plain_step_in_tritons_interpreter() -> None:
    here = os.path.dirname(__file__)
    code = f"import sys; sys.path[:0] = [{here!r}]; import test_fused_steps as t; t.check_kernels()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@needs_triton
@pytest.mark.skipif(not GPU, reason="no GPU here")
def test_the_kernels_are_the_plain_step_on_a_gpu() -> None:
    torch.backends.cuda.matmul.allow_tf32 = False
    check_kernels()


def requests(count: int) -> list[Request]:
    rng = random.Random(4)
    kinds: list[dict[str, Any]] = [{}, {"temperature": 1.0}, {"temperature": 0.8, "stop": tuple(range(12))}]
    extras: list[dict[str, Any]] = [{}] * 5 + [{"top_k": 4}]
    return [
        Request(rng.choices(range(50), k=rng.randint(1, 60)), rng.randint(0, 30), seed=i,
                **rng.choice(kinds), **rng.choice(extras))
        for i in range(count)
    ]  # fmt: skip


def late(engine: Engine) -> Engine:
    """The engine as it runs on a GPU: answers one step late, powers of two of slots."""
    engine.runner.ahead = True
    return engine


def test_answers_that_come_a_step_late_change_nothing() -> None:
    torch.set_num_threads(1)
    made, asked = model(), requests(40)
    wanted = Engine(made, batch=8).run(asked)
    engine = late(Engine(made, batch=8))
    found = engine.run(asked)
    assert [c.ids for c in found] == [c.ids for c in wanted]
    assert [(c.finish, len(c.logprobs)) for c in found] == [(c.finish, len(c.ids)) for c in wanted]
    tickets, told = [], {}
    for request in asked:
        tickets.append(engine.add(request))
        for event in engine.step():
            told[event.ticket] = event.completion
    engine.cancel(tickets[-1])
    while engine.live or engine.waiting:
        for event in engine.step():
            told[event.ticket] = event.completion
    assert [told[ticket].ids for ticket in tickets[:-1]] == [c.ids for c in wanted[:-1]]


@pytest.mark.skipif(not GPU, reason="no GPU here")
def test_graphs_say_what_the_plain_engine_says(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.backends.cuda.matmul.allow_tf32 = False
    made, asked = model(), requests(60)
    plain = Engine(made, batch=16)
    monkeypatch.setattr(runner, "has_triton", lambda: False)
    wanted = plain.run(asked)
    monkeypatch.undo()
    found = Engine(made, batch=16).run(asked)
    same = sum(a.ids == b.ids for a, b in zip(found, wanted, strict=True))
    assert same >= 58
    other = model(num_attention_heads=2)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(1.2)
    engine = Engine(made, batch=16)
    engine.run(asked)
    engine.refresh(other)
    fresh = Engine(other, batch=16).run(asked)
    assert [c.ids for c in engine.run(asked)] == [c.ids for c in fresh]
