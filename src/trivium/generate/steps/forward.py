"""The forward pass over slots, as plain torch: prompts and decoding alike, on any device.

The mathematics is `trivium.model.transformer`'s; here matrices with the same input are multiplied at once, and keys and
values go into slots. Shapes: N rows, T tokens in a row, M = N·T tokens, otherwise as in `model.transformer`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from trivium.generate.steps.alone import attend_alone, can_alone
from trivium.generate.steps.slots import Place, Slots
from trivium.generate.steps.weights import Layer, Weights
from trivium.model.attention import attend
from trivium.model.layers import rotate


def forward(weights: Weights, slots: Slots, ids_NT: Tensor, place: Place) -> Tensor:
    """The normed residual stream, `(N, T, D)` in the compute dtype; keys and values are written to the slots."""
    if weights.model._forward_pre_hooks:  # somebody looks inside, or patches: through the modules then
        slots.aim(place)
        return weights.model(ids_NT, place.positions_NT, cache=slots)
    config, eps = weights.config, weights.config.rms_norm_eps
    width = (config.hidden_size,)
    x_MD = F.embedding(ids_NT.flatten(), weights.embed)
    rope = slots.rope[0][place.positions_NT][:, :, None], slots.rope[1][place.positions_NT][:, :, None]
    for i, layer in enumerate(weights.layers):
        normed_MD = F.rms_norm(x_MD, width, layer.first, eps)
        x_MD = x_MD + layer.out(_attention(weights, layer, slots, i, normed_MD, rope, place))
        opened_MF, value_MF = layer.both(F.rms_norm(x_MD, width, layer.second, eps)).chunk(2, -1)
        x_MD = x_MD + layer.down(F.silu(opened_MF) * value_MF)
    return F.rms_norm(x_MD, width, weights.norm, eps).view(*ids_NT.shape, -1)


def _attention(
    weights: Weights, layer: Layer, slots: Slots, i: int, x_MD: Tensor, rope: tuple[Tensor, Tensor], place: Place
) -> Tensor:
    """What all heads gathered, side by side, `(M, H·K)`."""
    config = weights.config
    heads, groups, width = config.num_attention_heads, config.num_key_value_heads, config.head_dim
    rows, length = place.positions_NT.shape
    all_MX = layer.qkv(x_MD)
    if length == 1 and can_alone(all_MX, place):
        return attend_alone(all_MX, slots, i, place, layer.exact[2:], config.rms_norm_eps)
    all_NTHK = all_MX.view(rows, length, heads + 2 * groups, width)
    turned_NTHK = all_NTHK[:, :, : heads + groups]
    if layer.heads is not None:
        turned_NTHK = F.rms_norm(turned_NTHK, (width,), None, config.rms_norm_eps) * layer.heads
    turned_NTHK = rotate(turned_NTHK, rope)
    q_NTHK, k_NTGK = turned_NTHK.split([heads, groups], dim=2)
    v_NTGK = all_NTHK[:, :, heads + groups :]
    slots.write(i, k_NTGK, v_NTGK, place)
    if place.whole:
        out_NHTK = attend(q_NTHK.transpose(1, 2), k_NTGK.transpose(1, 2), v_NTGK.transpose(1, 2), None)
        return out_NHTK.transpose(1, 2).reshape(rows * length, -1)
    k_NGSK, v_NGSK = slots.read(i, place)
    if length > 1:
        out_NHTK = attend(q_NTHK.transpose(1, 2), k_NGSK, v_NGSK, place.mask)
        return out_NHTK.transpose(1, 2).reshape(rows * length, -1)
    q_NGRK = q_NTHK.reshape(
        rows, groups, heads // groups, width
    )  # a group's heads ask the same keys: no copies of them
    return F.scaled_dot_product_attention(q_NGRK, k_NGSK, v_NGSK, attn_mask=place.mask).reshape(rows, -1)


def logits(weights: Weights, hidden_ND: Tensor) -> Tensor:
    """Scores of the next token, `(N, V)`, fp32."""
    if weights.model._forward_pre_hooks:
        return weights.model.logits(hidden_ND)
    return weights.head(hidden_ND).float()


def mask_of(positions_NT: Tensor, seen: int) -> Tensor:
    """Which places each token sees, `(N, 1, T, seen)`: those at or before its own."""
    return torch.arange(seen, device=positions_NT.device) <= positions_NT[:, None, :, None]
