"""`trivium import` and `trivium export`: open weights in, and files for other programs out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from trivium.journey.record import resolve


def import_(source: Path, /, *, out: Path | None = None, name: str = "") -> int:
    """Take in open weights (Llama, Qwen2 or Qwen3) as a sealed model, for chat, complete, audit and fine-tuning.

    Parameters
    ----------
    source
        A Hugging Face folder (config.json, safetensors, tokenizer.json), or a .gguf file.
    out
        The model's folder; by default runs/ and the source's name.
    name
        What to call the model; by default what its files call it.
    """
    from trivium.stages.weights.config import ImportConfig
    from trivium.stages.weights.run import run

    out = out or Path("runs") / (plain_name(name or source.resolve().name.removesuffix(".gguf")) or "model")
    facts = run(ImportConfig(name=name), source, out).manifest["facts"]
    print(f"{facts['name']}: {facts['parameters'] / 1e6:,.1f} M parameters, licence: {facts['licence']} → {out}")
    print(
        f"  trivium {'chat' if facts['chat'] else 'complete'} {out}" + ("" if facts["chat"] else ' "Once upon a time"')
    )
    return 0


def export(
    form: Literal["gguf", "hf"],
    model: Path,
    /,
    *,
    out: Path | None = None,
    dtype: Literal["f32", "f16", "bf16"] = "f32",
    stage: str | None = None,
) -> int:
    """Write a model for other programs: one GGUF file for llama.cpp, or a copy of its Hugging Face folder.

    Parameters
    ----------
    form
        gguf, or hf (a model's folder is a Hugging Face folder already: this copies it without our papers).
    model
        A run folder, or a sealed model folder.
    out
        The file or folder to write; by default one in the current folder, named for the model.
    dtype
        What a GGUF file holds its matrices in.
    stage
        Which of a run's models: base, sft, rl, …; the last one by default.
    """
    from trivium.stages.weights.export import to_folder, to_gguf

    artifact = resolve(model, stage)
    if form == "hf":
        out = out or Path(f"{artifact.path.resolve().name}-hf")
        names = to_folder(artifact, out)
        print(f"{artifact.path} is a Hugging Face folder as it stands; {len(names)} of its files are copied to {out}.")
        return 0
    out = to_gguf(artifact, out or Path(f"{artifact.path.resolve().name}-{dtype}.gguf"), dtype)
    print(f"{out.stat().st_size / 1e6:,.1f} MB → {out}")
    return 0


def plain_name(text: str) -> str:
    """The text as a folder's name."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")
