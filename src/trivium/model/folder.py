"""A model as a Hugging Face folder: `config.json` and `model.safetensors`, which `transformers`, vLLM and llama.cpp's
converter open with no export step. A reward model adds a `score` matrix (AutoModelForSequenceClassification's name).
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from trivium.ground.atomic import read_json, write_json
from trivium.ground.errors import ArtifactError, ConfigError
from trivium.model.config import ModelConfig
from trivium.model.transformer import Transformer

M = TypeVar("M", bound=Transformer)
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


def hf_name(name: str) -> str:
    """Our parameter name as `transformers` spells it."""
    return name if name.startswith(("lm_head", "score")) else f"model.{name}"


def save_model(folder: Path, model: Transformer, special: dict[str, int]) -> None:
    """Write `config.json` and fp32 `model.safetensors`; a model with a `score` head is written as a classifier."""
    folder.mkdir(parents=True, exist_ok=True)
    config = model.config.to_hf(special)
    tensors = {hf_name(name): value.detach().float().cpu().contiguous() for name, value in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        tensors.pop("lm_head.weight", None)
    if "score.weight" in tensors:
        config["architectures"] = [config["architectures"][0].replace("CausalLM", "SequenceClassification")]
        config["id2label"] = {"0": "reward"}
        config["label2id"] = {"reward": 0}
    write_json(folder / "config.json", config)
    ends = list(dict.fromkeys(special[name] for name in ("<|endoftext|>", "<|im_end|>") if name in special))
    if ends:  # other engines stop where a turn ends, not only where a document does
        write_json(folder / "generation_config.json", {"eos_token_id": ends, "pad_token_id": ends[0]})
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def load_model(folder: Path, device: torch.device, dtype: torch.dtype = torch.float32) -> Transformer:
    """The language model of a folder on `device`, computing in `dtype` (weights stay fp32). Raises ArtifactError."""
    config, tensors = read_tensors(folder)
    if config.tie_word_embeddings and "model.embed_tokens.weight" in tensors:
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    return fill(Transformer(config, dtype), tensors, folder).to(device).eval()


def fill(model: M, tensors: dict[str, Tensor], folder: Path) -> M:
    """The model with the tensors of a folder as its weights.

    Raises ArtifactError when one is missing, misshapen, or has no place in the model: it would be another model then.
    """
    state = {}
    for name, parameter in model.state_dict().items():
        found = tensors.get(hf_name(name))
        if found is None or found.shape != parameter.shape:
            what = "lacks" if found is None else f"has {tuple(found.shape)}, not {tuple(parameter.shape)}, as"
            raise ArtifactError(
                f"{folder}/{WEIGHTS} {what} {hf_name(name)}.", "It is not a model of the shape in config.json."
            )
        state[name] = found
    strange = sorted(set(tensors) - {hf_name(name) for name in state} - {"lm_head.weight", "score.weight"})
    strange = [name for name in strange if not name.endswith("rotary_emb.inv_freq")]
    if strange:
        raise ArtifactError(
            f"{folder}/{WEIGHTS} has {strange[0]}, which a {model.config.model_type} model does not.",
            "It is not a model of the shape in config.json.",
        )
    model.load_state_dict(state)
    return model


def read_tensors(folder: Path) -> tuple[ModelConfig, dict[str, Tensor]]:
    """The shape and the tensors of a folder, fp32, from one file or from the shards that its index names.

    Raises ArtifactError for a missing or damaged file.
    """
    try:
        config = ModelConfig.from_hf(read_json(folder / "config.json"))
        tensors: dict[str, Tensor] = {}
        for name in weight_files(folder):
            tensors |= load_file(folder / name)
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{folder} is no model folder: {error.filename} is missing.",
            "Give a folder with config.json and model.safetensors.",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, SafetensorError, ConfigError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise ArtifactError(
            f"{folder} cannot be read as a model: {reason}.", "It is damaged or of another kind."
        ) from error
    return config, {name: value.float() for name, value in tensors.items()}


def weight_files(folder: Path) -> list[str]:
    """The names of a folder's weight files: `model.safetensors`, or the shards in `model.safetensors.index.json`.

    Raises ArtifactError for an index that names a file elsewhere, and ValueError or KeyError for a damaged one.
    """
    if (folder / WEIGHTS).is_file() or not (folder / INDEX).is_file():
        return [WEIGHTS]
    names = sorted(set(read_json(folder / INDEX)["weight_map"].values()))
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise ArtifactError(f"{folder / INDEX} names {name!r}.", "Shards are safetensors files beside their index.")
    return names
