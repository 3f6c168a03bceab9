"""Tokens that a model never learned to say, told from its weights alone.

The unembedding rows of tokens that never were a target are all pushed the same way, so they stay close to each other
(Land and Bartolo 2024, 2405.05417). They need a group known to be unused; a byte-level vocabulary has one: the 13
bytes that no UTF-8 holds. Whatever is as close to that group's mean as its own members is suspected.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trivium.ground.errors import ArtifactError
from trivium.model.folder import read_tensors
from trivium.text.tokenizer import Tokenizer

IMPOSSIBLE = (0xC0, 0xC1, *range(0xF5, 0x100))
"""Bytes that never occur in UTF-8."""


def suspects(folder: Path, tokenizer: Tokenizer) -> np.ndarray:
    """Ids of a model folder's tokenizer that its weights do not seem to know, ascending, specials included.

    Raises ArtifactError when the folder's matrices have fewer rows than the tokenizer has ids.
    """
    config, tensors = read_tensors(folder)
    name = "model.embed_tokens.weight" if config.tie_word_embeddings else "lm_head.weight"
    rows_VD = tensors[name].double().numpy()
    if len(rows_VD) < tokenizer.size:
        raise ArtifactError(
            f"{folder} has {len(rows_VD)} rows in {name}, its tokenizer {tokenizer.size} ids.",
            "Model and tokenizer do not belong together.",
        )
    rows_VD = rows_VD[: tokenizer.size] / np.maximum(np.linalg.norm(rows_VD[: tokenizer.size], axis=1)[:, None], 1e-12)
    group = [tokenizer.ranks[bytes([byte])] for byte in IMPOSSIBLE]
    mean_D = rows_VD[group].mean(axis=0)
    closeness_V = rows_VD @ mean_D
    found: np.ndarray = np.flatnonzero(closeness_V >= closeness_V[group].min())
    return found
