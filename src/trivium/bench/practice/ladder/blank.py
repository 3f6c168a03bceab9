"""A chat model that has learned nothing: random weights, and a vocabulary learned from the tasks' own texts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch

from trivium.ground.artifact import MANIFEST, Artifact, Label, open_artifact, sealing
from trivium.model.config import ModelConfig
from trivium.model.folder import save_model
from trivium.model.transformer import Transformer
from trivium.stages.rl.warm import drawn
from trivium.stages.tokenizer.config import TokenizerConfig
from trivium.stages.tokenizer.run import train
from trivium.tasks.registry import TASKS
from trivium.text.tokenizer import Tokenizer

EACH = 240
"""Problems of each task and level whose texts the vocabulary is learned from; those with few have fewer."""


def texts() -> Iterator[str]:
    """Questions, thoughts and answers of all generated tasks but programs, of the train split."""
    for task in TASKS.values():
        if task.form is None:
            continue
        for level in task.levels:
            for problem in drawn(task.name, level, EACH, seed=0):
                yield f"{problem.question}\n{problem.thought}\n{problem.answer}\n"


@cache
def vocabulary(size: int) -> Tokenizer:
    """The vocabulary of blank models; some seconds."""
    return train(texts(), TokenizerConfig(vocabulary=size))


def blank(out: Path, tokenizer: Tokenizer, layers: int, width: int, seed: int) -> Artifact:
    """The model at `out`, made where there is none: `layers` blocks of `width`, feed-forward 11/4 as wide."""
    about = {"layers": layers, "width": width, "seed": seed, "vocabulary": tokenizer.size}
    label = Label("model", "blank", 1, about)
    if (out / MANIFEST).is_file():
        found = open_artifact(out, "model")
        if found.id == label.id:
            return found
    head = min(64, width // 2)
    config = ModelConfig(
        vocab_size=tokenizer.size, hidden_size=width, intermediate_size=width * 11 // 4, num_hidden_layers=layers,
        num_attention_heads=width // head, num_key_value_heads=width // head, head_dim=head,
    )  # fmt: skip
    model = Transformer.drawn(config, torch.float32, torch.device("cpu"), seed)
    count = sum(parameter.numel() for parameter in model.parameters())
    with sealing(out, label, {"parameters": count}) as folder:
        save_model(folder, model, tokenizer.ends)
        tokenizer.save(folder)
    return open_artifact(out, "model")
