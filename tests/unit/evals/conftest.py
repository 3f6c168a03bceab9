"""A small model whose logits differ, with a tokenizer of single bytes, in memory and as a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from trivium.model.config import ModelConfig
from trivium.model.folder import save_model
from trivium.model.transformer import Transformer
from trivium.text.tokenizer import Tokenizer


def small_model(tokenizer: Tokenizer, seed: int = 0, longest: int = 512) -> Transformer:
    torch.set_num_threads(1)
    model = Transformer(
        ModelConfig(
            vocab_size=tokenizer.size,
            hidden_size=32,
            intermediate_size=32,
            head_dim=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=longest,
        )
    )
    generator = torch.Generator().manual_seed(seed)
    model.init_weights(generator)
    for name, weight in model.named_parameters():
        if weight.ndim > 1 and not name.startswith("embed"):
            torch.nn.init.normal_(weight, std=0.2, generator=generator)
    return model.eval()


@pytest.fixture
def lively(byte_tokenizer: Tokenizer) -> Transformer:
    return small_model(byte_tokenizer)


@pytest.fixture
def model_folders(byte_tokenizer: Tokenizer, tmp_path: Path) -> list[Path]:
    folders = []
    for seed in range(2):
        folder = tmp_path / f"model-{seed}"
        save_model(folder, small_model(byte_tokenizer, seed), dict(byte_tokenizer.special))
        byte_tokenizer.save(folder)
        folders.append(folder)
    return folders
