"""NEFTune (2310.05914): noise on the embeddings while training, so that wordings are less learnt by heart.

Each number is drawn evenly from -1 to 1 and multiplied by alpha / sqrt(L D), L being the tokens of the conversation
that a token belongs to (not of its row: packing changes nothing) and D the width. The draw depends on the batch's seed
alone, so a resumed run has the same noise.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from trivium.model.loss import weighted_loss
from trivium.model.transformer import Transformer
from trivium.train.batch import Batch


def noise_of(batch: Batch, width: int, alpha: float) -> Tensor | None:
    """The noise of a batch, `(B, T, D)` fp32 where its ids are; None for a batch without a seed."""
    if batch.seed is None or not alpha:
        return None
    generator = torch.Generator().manual_seed(batch.seed)  # on the CPU: the same on any device
    shape = (*batch.ids_BT.shape, width)
    drawn_BTD = torch.rand(shape, generator=generator).mul_(2).sub_(1).to(batch.ids_BT.device)
    sizes_BT = torch.full(shape[:2], shape[1], device=batch.ids_BT.device)
    if batch.documents_BT is not None:
        sizes_BT = (batch.documents_BT[:, :, None] == batch.documents_BT[:, None, :]).sum(-1)
    return drawn_BTD * (alpha / torch.sqrt(sizes_BT * width))[..., None]


def noisy_loss(alpha: float) -> Callable[[Transformer, Batch], Tensor]:
    """`train.loop.language_loss` with noise on the embeddings; without it while the model is evaluated."""

    def loss(model: Transformer, batch: Batch) -> Tensor:
        noise_BTD = noise_of(batch, model.config.hidden_size, alpha) if model.training else None
        hidden_BTD = model(batch.ids_BT, documents_BT=batch.documents_BT, spans=batch.spans, noise_BTD=noise_BTD)
        return weighted_loss(
            hidden_BTD.reshape(-1, hidden_BTD.shape[-1]),
            model.lm_head.weight,
            batch.targets_BT.reshape(-1),
            batch.weights_BT.reshape(-1),
        )

    return loss
