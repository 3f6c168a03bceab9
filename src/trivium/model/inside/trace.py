"""A model's inner values by name: captured as it computes, or replaced.

The forward pass knows nothing of this: hooks stand at its modules while a trace runs, and none at any other time. So
what is captured is what the model computed, bit for bit, with whatever kernels it has. Only what kernels never write
down (queries to patterns) is computed beside them, and takes the kernel's place only where one of those is patched.

Ideas: activation patching (2202.05262), steering by adding a direction (2308.10248), attention knockout (2304.14767),
attribution by gradients (2310.10348).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from trivium.model.inside.edits import Edit
from trivium.model.inside.names import expand, expand_all
from trivium.model.inside.taps import Taps
from trivium.model.transformer import Transformer


@dataclass
class Trace:
    """What a traced forward pass gave."""

    hidden: Tensor
    """The normed residual stream, `(B, T, D)`."""
    values: dict[str, Tensor]
    """Name -> captured value, as it went on (after its patches)."""
    model: Transformer = field(repr=False)

    @cached_property
    def logits(self) -> Tensor:
        """Scores of the next token, `(B, T, V)`, fp32. Raises TypeError for a reward model."""
        return self.model.logits(self.hidden)

    def __getitem__(self, written: str) -> Tensor:
        """The captured value of a name; of a name with `*`, all its values stacked on a new first axis.

        Raises UsageError for an unknown name, KeyError for one that was not captured.
        """
        found = [self.values[str(name)] for name in expand(written, len(self.model.layers))]
        return torch.stack(found) if "*" in written else found[0]


def trace(
    model: Transformer,
    ids_BT: Tensor,
    capture: str | Iterable[str] = (),
    patch: Mapping[str, Edit] | None = None,
    positions_BT: Tensor | None = None,
    documents_BT: Tensor | None = None,
) -> Trace:
    """Run `model` on `ids_BT`, keep the values of the captured names (see `names`), replace those of the patched ones.

    Patches of one value apply in their order, before it is captured. Gradients flow unless `torch.no_grad` is on; of
    what is computed beside a kernel, only once it is patched (with itself: `lambda x: x`). Rows of different length are
    padded on the right, where causality keeps the padding out of sight. Raises UsageError for unknown names and for
    patches of the wrong shape.
    """
    with patched(model, patch or {}, capture) as values:
        hidden_BTD = model(ids_BT, positions_BT, documents_BT)
    return Trace(hidden_BTD, values, model)


@contextmanager
def patched(
    model: Transformer, patch: Mapping[str, Edit], capture: str | Iterable[str] = ()
) -> Iterator[dict[str, Tensor]]:
    """While it is open, `model` computes with the patches, whoever calls it from this thread: an engine too.

    Gives the captured values of the latest forward pass. A model that trains computes as in evaluation meanwhile, and
    compiled code runs uncompiled: equal to rounding, not to the bit.
    """
    taps = Taps(model, expand_all(capture, len(model.layers)), patch)
    training, model.training = model.training, False  # of the model alone: its blocks do the same in both
    try:
        with _uncompiled():
            taps.place()
            yield taps.values
    finally:
        taps.lift()
        model.training = training
    taps.check()


def _uncompiled() -> AbstractContextManager[Any]:
    """Code that was compiled without hooks would pass them by."""
    if "torch._dynamo" not in sys.modules:
        return nullcontext()
    stance: AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
    return stance
