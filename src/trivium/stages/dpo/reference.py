"""The reference's log-probabilities of every answer: computed once, before the first step, and kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from trivium.ground.how import How
from trivium.model.transformer import Transformer
from trivium.train.preferences.contrasted import ContrastedPairs, all_logprobs


def reference_logprobs(model: Transformer, sides: Sequence[ContrastedPairs], kept: Path, how: How) -> list[Tensor]:
    """For each side of the split `(pairs, 2)` log-probabilities (nats): from `kept`, else computed and kept there.

    A resumed run, whose model has moved on, reads the very same. Raises Stopped when asked to stop.
    """
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        found = {str(number): all_logprobs(model, side)[0] for number, side in enumerate(sides)}
        temporary = kept.with_suffix(".tmp")
        save_file(found, temporary)
        temporary.replace(kept)
        how.stop.check("after the reference's log-probabilities")
    known = load_file(kept)
    return [known[str(number)] for number in range(len(sides))]
