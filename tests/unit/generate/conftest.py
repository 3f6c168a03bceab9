"""Small models with weights that make their tokens differ, one of each way of norming."""

from __future__ import annotations

import pytest
import torch

from trivium.model.config import ModelConfig
from trivium.model.transformer import Transformer

VOCABULARY = 61


def drawn(vocabulary: int = VOCABULARY, kind: str = "qwen3", dtype: torch.dtype = torch.float32) -> Transformer:
    torch.set_num_threads(1)
    model = Transformer(
        ModelConfig(
            vocab_size=vocabulary, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, head_dim=8, model_type=kind,
        ),
        dtype,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.2 * noise if parameter.ndim == 1 else noise * 0.3)
    return model.eval()


@pytest.fixture(scope="module", params=["qwen3", "llama"])
def model(request: pytest.FixtureRequest) -> Transformer:
    return drawn(kind=request.param)


@pytest.fixture(scope="module")
def writer() -> Transformer:
    """A model whose vocabulary is that of `byte_tokenizer`."""
    return drawn(256 + 7)
