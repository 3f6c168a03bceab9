"""A model as a Hugging Face folder: `config.json` and `model.safetensors`, which `transformers`, vLLM and llama.cpp's
converter open with no export step. A reward model adds a `score` matrix (AutoModelForSequenceClassification's name).
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from trivium.ground.atomic import read_json, write_json
from trivium.ground.errors import ArtifactError
from trivium.model.config import ModelConfig
from trivium.model.transformer import Transformer


def hf_name(name: str) -> str:
    """Our parameter name as `transformers` spells it."""
    return name if name.startswith(("lm_head", "score")) else f"model.{name}"


def save_model(folder: Path, model: Transformer, special: dict[str, int], head: nn.Linear | None = None) -> None:
    """Write `config.json` and fp32 `model.safetensors`; with a scalar `head`, as a sequence classifier."""
    folder.mkdir(parents=True, exist_ok=True)
    config = model.config.to_hf(special)
    tensors = {hf_name(name): value.detach().float().cpu().contiguous() for name, value in model.state_dict().items()}
    if model.config.tie_word_embeddings or head is not None:
        tensors.pop("lm_head.weight")
    if head is not None:
        tensors["score.weight"] = head.weight.detach().float().cpu().contiguous()
        config["architectures"] = [config["architectures"][0].replace("CausalLM", "SequenceClassification")]
        config["num_labels"] = 1
        config["id2label"] = {"0": "reward"}
    write_json(folder / "config.json", config)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def load_model(folder: Path, device: torch.device, dtype: torch.dtype = torch.float32) -> Transformer:
    """The model of a folder on `device`, computing in `dtype` (weights stay fp32). Raises ArtifactError."""
    config, tensors = read_tensors(folder)
    model = Transformer(config, dtype)
    wanted = {hf_name(name): name for name in model.state_dict()}
    if config.tie_word_embeddings:
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    missing = sorted(set(wanted) - set(tensors) - {"lm_head.weight"})
    if missing:
        raise ArtifactError(f"{folder}/model.safetensors lacks {missing[0]}.", "It is not a model of this shape.")
    state = {ours: tensors[theirs] for theirs, ours in wanted.items() if theirs in tensors}
    model.load_state_dict(state, strict=False)
    return model.to(device).eval()


def load_head(folder: Path, device: torch.device) -> Tensor:
    """The reward head of a folder, `(1, D)`. Raises ArtifactError when it has none."""
    _, tensors = read_tensors(folder)
    if "score.weight" not in tensors:
        raise ArtifactError(f"{folder} is no reward model: it has no score.weight.", "Give the reward stage's folder.")
    return tensors["score.weight"].to(device)


def read_tensors(folder: Path) -> tuple[ModelConfig, dict[str, Tensor]]:
    """The shape and the tensors of a folder, fp32. Raises ArtifactError for a missing or damaged file."""
    try:
        config = ModelConfig.from_hf(read_json(folder / "config.json"))
        tensors = load_file(folder / "model.safetensors")
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{folder} is no model folder: {error.filename} is missing.",
            "Give a folder with config.json and model.safetensors.",
        ) from error
    except (ValueError, KeyError, SafetensorError) as error:
        raise ArtifactError(
            f"{folder} cannot be read as a model: {error}.", "It is damaged or of another kind."
        ) from error
    return config, {name: value.float() for name, value in tensors.items()}
