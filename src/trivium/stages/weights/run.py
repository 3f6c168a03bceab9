"""Weights from elsewhere as a sealed model: a Hugging Face folder copied, or a GGUF file turned into one."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from trivium.ground.artifact import MANIFEST, Artifact, Label, hash_file, open_artifact, sealing
from trivium.ground.atomic import read_json, write_json
from trivium.ground.errors import ArtifactError, ConfigError, UsageError
from trivium.model.config import ModelConfig
from trivium.model.folder import INDEX, WEIGHTS, hf_name, load_model, weight_files
from trivium.model.gguf import vocabulary
from trivium.model.gguf.container import Container
from trivium.model.gguf.weights import kind_name, open_gguf, tensors_of
from trivium.stages.weights.card import CARD, LICENCE, About, about_folder, about_gguf, card
from trivium.stages.weights.config import FORMAT, STAGE, ImportConfig
from trivium.text.imported import KEPT
from trivium.text.tokenizer import RANKS_FILE, Tokenizer

CPU = torch.device("cpu")
COPIED = (
    "config.json",
    "generation_config.json",
    *KEPT,
    RANKS_FILE,
    CARD,
    "LICENSE",
    "LICENSE.txt",
    "LICENSE.md",
    "NOTICE",
)


def label_of(config: ImportConfig, source: Path) -> Label:
    """The label of the artifact that `run` would seal: the source's hashes, wherever it lies. Raises ArtifactError."""
    if source.is_dir():
        names = _files_of(source)
        return Label("model", STAGE, FORMAT, config, fingerprints={name: hash_file(source / name) for name in names})
    if not source.is_file():
        raise ArtifactError(f"{source} is not there.", "Give a Hugging Face folder or a .gguf file.")
    return Label("model", STAGE, FORMAT, config, fingerprints={"gguf": hash_file(source)})


def run(config: ImportConfig, source: Path, out: Path) -> Artifact:
    """Seal the model of a Hugging Face folder or of a GGUF file at `out`, after looking at every weight.

    A model that is there already, from the same files, is given back as it is. Raises ArtifactError for files that are
    damaged, incomplete or of a kind that this code does not compute, and UsageError when `out` holds something else.
    """
    there = _there(out)
    label = label_of(config, source)
    if there is not None and there.id == label.id:
        return there
    if source.is_dir():
        return _from_folder(config, source, out, label)
    return _from_gguf(config, source, out, label)


def _there(out: Path) -> Artifact | None:
    """An earlier import at `out`. Raises UsageError for a folder that must not be replaced."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if (out / MANIFEST).is_file():
        found = open_artifact(out)
        if found.manifest["stage"] == STAGE:
            return found
    raise UsageError(f"{out} holds something else than an import.", "Give another --out.")


def _files_of(source: Path) -> list[str]:
    """The files that make up a model's folder. Raises ArtifactError where there are no weights to be read."""
    if not (source / "config.json").is_file():
        raise ArtifactError(f"{source} is no model folder: config.json is missing.", "Give a Hugging Face folder.")
    if not (source / WEIGHTS).is_file() and not (source / INDEX).is_file():
        pickled = any(source.glob("*.bin")) or any(source.glob("*.pth"))
        mend = "Its weights are pickled, which is never opened: save them as safetensors." if pickled else "Fetch them."
        raise ArtifactError(f"{source} has no {WEIGHTS}.", mend)
    try:
        weights = weight_files(source)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ArtifactError(f"{source / INDEX} cannot be read: {error}.", "Fetch it again.") from error
    missing = [name for name in weights if not (source / name).is_file()]
    if missing:
        raise ArtifactError(
            f"{source / missing[0]} is missing.", f"Its index names {len(weights)} files: fetch them all."
        )
    index = [INDEX] if weights != [WEIGHTS] else []
    return [*(name for name in COPIED if (source / name).is_file()), *index, *weights]


def _from_folder(config: ImportConfig, source: Path, out: Path, label: Label) -> Artifact:
    try:
        raw = read_json(source / "config.json")
        about = about_folder(source, raw)
        shape = ModelConfig.from_hf(raw)
    except (ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise ArtifactError(f"{source / 'config.json'}: {reason}", "Only Llama, Qwen2 and Qwen3 are known.") from error
    facts: dict[str, Any] = {}
    with sealing(out, label, facts) as folder:
        for name in label.fingerprints:
            shutil.copyfile(source / name, folder / name)
        kinds = dict(Counter(kind for name in weight_files(folder) for kind in _kinds(folder / name)))
        facts |= _finish(config, folder, source.resolve().name, about, shape, kinds)
    return open_artifact(out, "model")


def _kinds(path: Path) -> list[str]:
    """The dtype of each tensor in a safetensors file, from its head."""
    with open(path, "rb") as file:
        head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return [str(entry["dtype"]) for name, entry in head.items() if name != "__metadata__"]


def _from_gguf(config: ImportConfig, source: Path, out: Path, label: Label) -> Artifact:
    container, shape = open_gguf(source)
    about, files = about_gguf(container.metadata, source), _tokenizer_files(container)
    kinds = dict(Counter(kind_name(stored.kind) for stored in container.tensors.values()))
    facts: dict[str, Any] = {}
    with sealing(out, label, facts) as folder:
        for name, data in files.items():
            (folder / name).write_bytes(data)
        ends = json.loads(files["generation_config.json"])["eos_token_id"]
        begin = container.metadata.get("tokenizer.ggml.bos_token_id")
        write_json(folder / "config.json", shape.to_hf({}) | {"eos_token_id": ends, "bos_token_id": begin})
        weights = {hf_name(name): value for name, value in tensors_of(container, shape)}
        save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
        del weights
        facts |= _finish(config, folder, source.name, about, shape, kinds)
    return open_artifact(out, "model")


def _tokenizer_files(container: Container) -> dict[str, bytes]:
    try:
        return vocabulary.from_metadata(container.metadata)
    except ConfigError as error:
        raise ArtifactError(f"{container.path}: {error.what}", error.mend) from error
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise ArtifactError(
            f"{container.path} holds no whole vocabulary: {what}.", "Convert the model again."
        ) from error


def _finish(
    config: ImportConfig, folder: Path, source: str, about: About, shape: ModelConfig, kinds: Mapping[str, int]
) -> dict[str, Any]:
    """Look at all weights and at the tokenizer, write the card where there is none, and give the facts."""
    model, tokenizer = load_model(folder, CPU), Tokenizer.open(folder)
    parameters = 0
    for name, value in model.named_parameters():
        parameters += value.numel()
        if not bool(torch.isfinite(value).all()):
            raise ArtifactError(f"{source}: {hf_name(name)} holds numbers that are not finite.", "Fetch it again.")
    if tokenizer.size > shape.vocab_size:
        raise ArtifactError(
            f"{source}: the tokenizer has {tokenizer.size:,} ids, the embedding {shape.vocab_size:,} rows.",
            "The tokenizer is another model's.",
        )
    about = About(config.name or about.name, about.licence, about.maker)
    if not (folder / CARD).is_file():
        (folder / CARD).write_text(card(about, shape.model_type, parameters, source, kinds), encoding="utf-8")
    return {
        "name": about.name,
        "licence": about.licence,
        "maker": about.maker,
        "source": source,
        "parameters": parameters,
        "stored": dict(kinds),
        "chat": tokenizer.template is not None,
        "licence_file": any((folder / name).is_file() for name in (LICENCE, "LICENSE.txt", "LICENSE.md")),
    }
