"""A model's folder as a speaker: how it must be asked, and the engine that answers."""

from __future__ import annotations

from pathlib import Path

from trivium.evals.knowledge.speaking import FEW_SLOTS, MANY_SLOTS, Spoken
from trivium.generate.engine import Engine
from trivium.ground.atomic import read_json
from trivium.ground.errors import ArtifactError
from trivium.ground.how import How
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model
from trivium.text.tokenizer import TURN_END, Tokenizer


def speaker_of(folder: Path, mode: str, how: How) -> Spoken:
    """The model as a speaker. Raises ArtifactError for a folder that is no model."""
    device = settle(how)
    model, tokenizer = load_model(folder, device, pick_dtype(device)), Tokenizer.open(folder)
    engine = Engine(model, MANY_SLOTS if device.type == "cuda" else FEW_SLOTS)
    longest = model.config.max_position_embeddings
    return Spoken(engine, tokenizer, talks(folder, mode, tokenizer), longest, how)


def talks(folder: Path, mode: str, tokenizer: Tokenizer) -> bool:
    """Whether a model is asked in conversations. Auto: not what pre-training made, nor what has no template."""
    if mode != "auto":
        return mode == "chat"
    try:
        stage = read_json(folder / "manifest.json")["stage"] if (folder / "manifest.json").is_file() else ""
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{folder / 'manifest.json'} cannot be read.", "Make the model again.") from error
    if stage == "pretrain":
        return False
    return tokenizer.template is not None or (stage != "import" and TURN_END in tokenizer.special)
