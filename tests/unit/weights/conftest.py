"""Small foreign models: a folder with random weights of each shape and a tokenizer of its family."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_tokenizers import build

from trivium.ground.artifact import Artifact, Label, sealing
from trivium.model.config import ModelConfig, RopeScaling
from trivium.model.folder import save_model
from trivium.model.transformer import Transformer
from trivium.text.tokenizer import Tokenizer

LLAMA3 = RopeScaling(kind="llama3", factor=8.0, original_positions=2048)
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama, tied": ("smollm", {"model_type": "llama", "num_key_value_heads": 2, "tie_word_embeddings": True}),
    "llama 3.1": ("llama3", {"model_type": "llama", "num_key_value_heads": 2, "rope_scaling": LLAMA3}),
    "llama, biases": ("plain", {"model_type": "llama", "attention_bias": True, "mlp_bias": True}),
    "llama, linear": ("plain", {"model_type": "llama", "rope_scaling": RopeScaling(kind="linear", factor=4.0)}),
    "qwen2": ("qwen", {"model_type": "qwen2", "num_key_value_heads": 1, "tie_word_embeddings": True}),
    "qwen3": ("qwen", {"model_type": "qwen3", "num_key_value_heads": 2, "head_dim": 32}),
}


def model_of(vocabulary: int, **changes: Any) -> Transformer:
    """A model whose weights are nowhere zero or one, so that each has its say."""
    plain = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = Transformer(
        ModelConfig(**(plain | {"vocab_size": vocabulary, "head_dim": 16, "rms_norm_eps": 1e-5} | changes))
    )
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.3 * noise if parameter.ndim == 1 else 2 * noise * parameter.shape[-1] ** -0.5)
    return model.eval()


def speak(model: Transformer, tokenizer: Tokenizer) -> None:
    """Let a random model say only whole characters and the end of its turn: servers hold back half characters."""
    tokens = tokenizer.ranks.items()
    sayable = [tokenizer.turn_end, *(i for token, i in tokens if token.isascii() and token.decode().isprintable())]
    matrix = model.lm_head.weight
    with torch.no_grad():
        for row in set(range(len(matrix))) - set(sayable):  # a mean of two is never above both
            matrix[row] = (matrix[sayable[row % len(sayable)]] + matrix[sayable[(row * 7 + 1) % len(sayable)]]) / 2


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def foreign(tmp_path: Path) -> Callable[[str], Path]:
    """Writes the folder of one of MODELS, with seven rows of embedding more than there are tokens."""

    def write(name: str) -> Path:
        family, changes = MODELS[name]
        folder = tmp_path / "foreign"
        build(family, folder)
        tokenizer = Tokenizer.open(folder)
        model = model_of(tokenizer.size + 7, **changes)
        speak(model, tokenizer)
        save_model(folder, model, tokenizer.ends)
        (folder / "README.md").write_text("---\nlicense: cc-by-4.0\n---\nA small model.\n")
        return folder

    return write


@pytest.fixture
def own(tmp_path: Path, byte_tokenizer: Tokenizer) -> Callable[..., Artifact]:
    """Seals a model of ours, with the tokenizer given or one of single bytes."""

    def seal(stage: str = "sft", tokenizer: Tokenizer = byte_tokenizer, **changes: Any) -> Artifact:
        out, label = tmp_path / f"own-{stage}", Label("model", stage, 1, {})
        with sealing(out, label) as folder:
            model = model_of(tokenizer.size, **changes)
            speak(model, tokenizer)
            save_model(folder, model, dict(tokenizer.special))
            tokenizer.save(folder)
        manifest = json.loads((out / "manifest.json").read_text())
        return Artifact(out, "model", label.id, {}, manifest)

    return seal
