"""The models of the benches of practice: random weights in a folder that both sides open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from trivium.ground.errors import UsageError
from trivium.model.config import ModelConfig
from trivium.model.folder import save_model
from trivium.model.transformer import Transformer
from trivium.stages.pretrain.depth import shape_of
from trivium.text.tokenizer import Tokenizer

SHAPES: dict[str, dict[str, Any]] = {
    "10m": {
        "vocab_size": 4096, "hidden_size": 320, "intermediate_size": 896, "head_dim": 64, "num_hidden_layers": 6,
        "num_attention_heads": 5, "num_key_value_heads": 5,
    },
    "135m": {
        "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "head_dim": 64, "num_hidden_layers": 30,
        "num_attention_heads": 9, "num_key_value_heads": 3, "tie_word_embeddings": True, "model_type": "llama",
        "rope_theta": 100000.0, "max_position_embeddings": 8192,
    },
}  # fmt: skip
"""The first is of nano's kind, the second SmolLM2-135M's. `d12` and the like are those of `--depth`."""
VOCABULARY = 32768
"""Of the models by depth."""
DEVIATION = 0.02
"""Of all matrices, as the field begins: some of ours would begin at zero, and tied embeddings would be too large."""


def config_of(size: str) -> ModelConfig:
    """The shape of a name. Raises UsageError for an unknown one."""
    if size in SHAPES:
        return ModelConfig(**SHAPES[size])
    if size.startswith("d") and size[1:].isdecimal() and int(size[1:]):
        return shape_of(int(size[1:])).model(VOCABULARY)
    raise UsageError(f"There is no size {size!r}.", f"There are: {', '.join(SHAPES)}, and depths: d12.")


def drawn(size: str, folder: Path, tokenizer: Tokenizer) -> Path:
    """A language model of a size with random weights, and a tokenizer, as a folder. What is there is kept."""
    if not (folder / "config.json").is_file():
        model = Transformer.drawn(config_of(size), torch.float32, torch.device("cpu"), 0)
        luck = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    parameter.normal_(0, DEVIATION, generator=luck)
        tokenizer.save(folder)
        save_model(folder, model, tokenizer.ends)
    return folder
