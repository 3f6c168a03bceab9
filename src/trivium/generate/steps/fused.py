"""The decoding step from kernels of our own: nine or ten a block, and nothing that waits. It runs where Triton is.

The residual addition of one half-block is done by the norm of the next, as in training (`model.fused.block`).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from trivium.generate.steps.decode import State
from trivium.generate.steps.slots import Slots
from trivium.generate.steps.weights import Weights


def scores(weights: Weights, slots: Slots, state: State, rows: int, seen: int) -> Tensor:
    """The logits of the first `rows` slots, `(rows, V)` fp32; all their positions are below `seen`."""
    from trivium.model.fused.decode import attend_slots
    from trivium.model.fused.gate import gate
    from trivium.model.fused.heads import Heads
    from trivium.model.fused.norm import add_norm

    config = weights.config
    about = Heads(
        1, config.num_attention_heads, config.num_key_value_heads, config.head_dim, config.rms_norm_eps, config.qk_norm
    )
    positions_N = state.positions[:rows]
    x_ND: Tensor = F.embedding(state.ids[:rows], weights.embed)
    delta_ND: Tensor | None = None
    for i, layer in enumerate(weights.layers):
        x_ND, normed_ND = add_norm(x_ND, delta_ND, layer.exact[0], about.eps)
        gains = (layer.exact[2], layer.exact[3]) if about.normed else None
        kept = slots.keys[i], slots.values[i]
        out_NX = attend_slots(layer.qkv(normed_ND), kept, positions_N, seen, gains, slots.angles, about)
        x_ND, normed_ND = add_norm(x_ND, layer.out(out_NX), layer.exact[1], about.eps)
        delta_ND = layer.down(gate(layer.both(normed_ND)))
    _, normed_ND = add_norm(x_ND, delta_ND, weights.final, about.eps)
    return weights.head(normed_ND).float()
