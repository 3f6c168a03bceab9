"""A reward model: the transformer with one number a text in the place of a distribution over the next token."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trivium.ground.errors import ArtifactError, UsageError
from trivium.model.attention import Spans
from trivium.model.config import ModelConfig
from trivium.model.folder import fill, read_tensors
from trivium.model.transformer import Transformer


class RewardModel(Transformer):
    """The trunk and a `score` vector that is read at a text's last token. The head starts at zero: no opinion yet."""

    def __init__(self, config: ModelConfig, compute_dtype: torch.dtype = torch.float32) -> None:
        super().__init__(config, compute_dtype)
        del self.lm_head
        self.score = nn.Linear(config.hidden_size, 1, bias=False)
        nn.init.zeros_(self.score.weight)

    def scores(self, ids_BT: Tensor, documents_BT: Tensor | None = None, spans: Spans | None = None) -> Tensor:
        """What each prefix would score if its text ended there, `(B, T)`, fp32."""
        hidden_BTD = self(ids_BT, documents_BT=documents_BT, spans=spans)
        return F.linear(hidden_BTD.float(), self.score.weight)[..., 0]

    def logits(self, hidden_BTD: Tensor) -> Tensor:
        """Raises TypeError: a reward model says no next token."""
        raise TypeError("A reward model has no logits: it scores texts.")


def begin_reward(
    folder: Path, device: torch.device, dtype: torch.dtype = torch.float32, layers: int = 0
) -> RewardModel:
    """A reward model on the trunk of a language model's folder, without an opinion yet. Raises ArtifactError.

    With `layers` it has only so many of the trunk's first blocks: a smaller judge. Raises UsageError for more than
    there are.
    """
    config, tensors = read_tensors(folder)
    if layers > config.num_hidden_layers:
        raise UsageError(f"{folder} has {config.num_hidden_layers} blocks, not {layers}.", "Keep fewer, or 0 for all.")
    if layers:
        config = dataclasses.replace(config, num_hidden_layers=layers)
        gone = re.compile(r"model\.layers\.(\d+)\.")
        tensors = {n: t for n, t in tensors.items() if (m := gone.match(n)) is None or int(m[1]) < layers}
    tensors["score.weight"] = torch.zeros(1, config.hidden_size)
    return fill(RewardModel(config, dtype), tensors, folder).to(device)


def load_reward(folder: Path, device: torch.device, dtype: torch.dtype = torch.float32) -> RewardModel:
    """The reward model of a folder. Raises ArtifactError, also when the folder is a language model's."""
    config, tensors = read_tensors(folder)
    if "score.weight" not in tensors:
        raise ArtifactError(f"{folder} is no reward model: it has no score.weight.", "Give the reward stage's folder.")
    return fill(RewardModel(config, dtype), tensors, folder).to(device).eval()
