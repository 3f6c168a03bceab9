"""A sealed model in other programs' forms: one GGUF file, or a copy of its Hugging Face folder without our papers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from trivium.ground.artifact import Artifact
from trivium.ground.errors import UsageError
from trivium.model.folder import load_model
from trivium.model.gguf import shape, vocabulary
from trivium.model.gguf.container import F32, write
from trivium.model.gguf.weights import DTYPES, FILE_TYPES, coming
from trivium.stages.weights.card import CARD, LICENCE
from trivium.text.tokenizer import Tokenizer

FOLDER = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
FOLDER_TOO = ("chat_template.jinja", "vocabulary.tiktoken", CARD, LICENCE, "LICENSE.txt", "LICENSE.md", "NOTICE")


def to_gguf(model: Artifact, out: Path, dtype: str = "f32") -> Path:
    """Write the model as a GGUF file of `dtype` that llama.cpp runs; the file's path.

    Raises UsageError when `out` is there already, when the dtype cannot hold the weights, or when llama.cpp has no way
    of cutting text as the tokenizer does.
    """
    _must_be_free(out)
    tokenizer, transformer = Tokenizer.open(model.path), load_model(model.path, torch.device("cpu"))
    tensors = coming(transformer, dtype)
    facts = dict(model.manifest.get("facts") or {})
    base = model.manifest["stage"] == "pretrain" or (model.manifest["stage"] == "import" and not facts.get("chat"))
    metadata: dict[str, Any] = {
        **shape.to_metadata(transformer.config),
        "general.type": "model",
        "general.name": str(facts.get("name") or model.path.name),
        "general.file_type": FILE_TYPES.get(DTYPES[dtype], F32),
    }
    if facts.get("licence"):
        metadata["general.license"] = str(facts["licence"])
    metadata |= vocabulary.to_metadata(tokenizer, transformer.config.vocab_size, base)
    out.parent.mkdir(parents=True, exist_ok=True)
    write(out, metadata, tensors)
    return out


def to_folder(model: Artifact, out: Path) -> list[str]:
    """Copy what `transformers` and others read into the new folder `out`; the names copied. Raises UsageError."""
    _must_be_free(out)
    names = [name for name in (*FOLDER, *FOLDER_TOO) if model.has(name)]
    names += [name for name in model.manifest["files"] if name.endswith((".safetensors", ".safetensors.index.json"))]
    out.mkdir(parents=True)
    for name in names:
        shutil.copyfile(model.file(name), out / name)
    return names


def _must_be_free(out: Path) -> None:
    if out.exists():
        raise UsageError(f"{out} is there already.", "Give another --out, or remove it first.")
