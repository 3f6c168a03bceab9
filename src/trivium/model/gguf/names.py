"""The tensors of a model under GGUF's names, and the one thing that is stored otherwise: Llama's queries and keys.

For `llama`, llama.cpp's pairs are neighbouring numbers of a head; for `qwen2` and `qwen3` they are its two halves, as
they are for us. So the rows of Llama's query and key matrices (and their biases) stand in another order in the file.
"""

from __future__ import annotations

import re

from torch import Tensor

from trivium.model.config import ModelConfig

OUTSIDE = {
    "token_embd.weight": "embed_tokens.weight",
    "output_norm.weight": "norm.weight",
    "output.weight": "lm_head.weight",
}
INSIDE = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
STRETCH = "rope_freqs.weight"
"""What each frequency is divided by: how llama3's scaling is stored."""


def ours(name: str) -> str | None:
    """Our parameter's name for GGUF's, None for one that we have no place for."""
    if name in OUTSIDE:
        return OUTSIDE[name]
    found = re.fullmatch(r"blk\.(\d{1,4})\.(\w+)\.(weight|bias)", name)
    if found is None or found[2] not in INSIDE:
        return None
    return f"layers.{int(found[1])}.{INSIDE[found[2]]}.{found[3]}"


def theirs(name: str) -> str:
    """GGUF's name for our parameter's."""
    outside = {ours: theirs for theirs, ours in OUTSIDE.items()}
    if name in outside:
        return outside[name]
    _, layer, *middle, kind = name.split(".")
    inside = {ours: theirs for theirs, ours in INSIDE.items()}
    return f"blk.{layer}.{inside['.'.join(middle)]}.{kind}"


def to_file(config: ModelConfig, name: str, value: Tensor) -> Tensor:
    """Our parameter's value with its rows in the file's order."""
    heads = _turned(config, name)
    if heads is None:
        return value
    return value.reshape(heads, 2, config.head_dim // 2, *value.shape[1:]).transpose(1, 2).reshape(value.shape)


def from_file(config: ModelConfig, name: str, value: Tensor) -> Tensor:
    """The value in the file with its rows in our order."""
    heads = _turned(config, name)
    if heads is None:
        return value
    return value.reshape(heads, config.head_dim // 2, 2, *value.shape[1:]).transpose(1, 2).reshape(value.shape)


def _turned(config: ModelConfig, name: str) -> int | None:
    if config.model_type != "llama":
        return None
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    return next((count for part, count in heads.items() if f".{part}." in name), None)
