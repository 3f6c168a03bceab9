"""A model's shape as GGUF's metadata says it, and back."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from trivium.ground.config import check
from trivium.ground.errors import ConfigError
from trivium.model.config import ARCHITECTURES, ModelConfig, RopeScaling
from trivium.model.gguf.names import STRETCH
from trivium.model.rope import frequencies, slowdown

OTHER_MATHS = (
    "expert_count",
    "attention.sliding_window",
    "attention.clamp_kqv",
    "attention.scale",
    "logit_scale",
    "residual_scale",
    "embedding_scale",
    "final_logit_softcapping",
    "attn_logit_softcapping",
)
"""Keys by which files of the same architecture compute something else."""


def to_metadata(config: ModelConfig) -> dict[str, Any]:
    """The metadata that says this shape. Raises ConfigError for one that llama.cpp has no room for."""
    check(
        not (config.attention_bias and config.model_type == "qwen3"),
        "attention_bias",
        True,
        "llama.cpp's qwen3 has no biases.",
    )
    named: dict[str, Any] = {
        "block_count": config.num_hidden_layers,
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.key_length": config.head_dim,
        "attention.value_length": config.head_dim,
        "attention.layer_norm_rms_epsilon": float(config.rms_norm_eps),
        "rope.freq_base": float(config.rope_theta),
        "rope.dimension_count": config.head_dim,
        "vocab_size": config.vocab_size,
    }
    if config.rope_scaling is not None and config.rope_scaling.kind == "linear":
        named |= {"rope.scaling.type": "linear", "rope.scaling.factor": float(config.rope_scaling.factor)}
    if config.rope_scaling is not None and config.rope_scaling.kind == "llama3":
        low, high = config.rope_scaling.low_freq_factor, config.rope_scaling.high_freq_factor
        check((low, high) == (1, 4), "rope low and high_freq_factor", (low, high), "Only 1 and 4 can be read back.")
        named["rope.scaling.original_context_length"] = config.rope_scaling.original_positions
    return {"general.architecture": config.model_type} | {f"{config.model_type}.{k}": v for k, v in named.items()}


def from_metadata(
    metadata: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], stretch: np.ndarray | None
) -> ModelConfig:
    """The shape that a file's metadata and tensors say; `stretch` is its `rope_freqs.weight`.

    Raises ConfigError, naming the architecture or the key, for what this code does not compute, and KeyError for a key
    that is missing.
    """
    kind = str(metadata.get("general.architecture"))
    check(kind in ARCHITECTURES, "general.architecture", kind, f"This code knows {', '.join(sorted(ARCHITECTURES))}.")
    said = {key.removeprefix(f"{kind}."): value for key, value in metadata.items() if key.startswith(f"{kind}.")}
    for key in OTHER_MATHS:
        check(not said.get(key), f"{kind}.{key}", said.get(key), "This code computes no such thing.")
    heads = int(said["attention.head_count"])
    head = int(said.get("attention.key_length") or said["embedding_length"] // heads)
    for key in ("attention.value_length", "rope.dimension_count"):
        check(said.get(key, head) == head, f"{kind}.{key}", said.get(key), f"It must be the head's width, {head}.")
    vocabulary = shapes.get("token_embd.weight", (0, 0))[0]
    config = ModelConfig(
        model_type=kind,
        vocab_size=vocabulary,
        hidden_size=int(said["embedding_length"]),
        intermediate_size=int(said["feed_forward_length"]),
        num_hidden_layers=int(said["block_count"]),
        num_attention_heads=heads,
        num_key_value_heads=int(said.get("attention.head_count_kv") or heads),
        head_dim=head,
        max_position_embeddings=int(said["context_length"]),
        rope_theta=plain(said.get("rope.freq_base", 10000.0)),
        rms_norm_eps=plain(said["attention.layer_norm_rms_epsilon"]),
        tie_word_embeddings="output.weight" not in shapes,
        attention_bias=kind != "qwen2" and "blk.0.attn_q.bias" in shapes,
        mlp_bias="blk.0.ffn_gate.bias" in shapes,
    )
    return _stretched(config, said, stretch)


def stretch_of(config: ModelConfig) -> torch.Tensor | None:
    """The `rope_freqs.weight` that a file of this shape holds, `(K / 2,)`; None where it needs none."""
    if config.rope_scaling is None or config.rope_scaling.kind != "llama3":
        return None
    return slowdown(frequencies(_with(config, None), torch.device("cpu")), config.rope_scaling)


def _stretched(config: ModelConfig, said: Mapping[str, Any], stretch: np.ndarray | None) -> ModelConfig:
    """The config with the scaling of its positions, if any."""
    kind = said.get("rope.scaling.type", "none")
    if kind != "none" and stretch is None:
        factor = plain(said.get("rope.scaling.factor", 1.0))
        return _with(config, RopeScaling(kind=str(kind), factor=factor)) if factor != 1 else config
    if stretch is None:
        return config
    factor = plain(float(stretch.max()))
    known = (said.get("rope.scaling.original_context_length", 8192), 8192, 4096, 2048, 16384, 32768)
    for original in known:
        wanted = _with(config, RopeScaling(kind="llama3", factor=max(factor, 1.0), original_positions=original))
        found = stretch_of(wanted)
        if found is not None and found.shape == stretch.shape and np.allclose(found.numpy(), stretch, rtol=1e-4):
            return wanted
    raise ConfigError(f"{STRETCH} is no scaling that this code knows.", "Only Llama 3.1's is known (low 1, high 4).")


def _with(config: ModelConfig, scaling: RopeScaling | None) -> ModelConfig:
    return replace(config, rope_scaling=scaling)


def plain(value: float) -> float:
    """The shortest decimal number that is this float32: 1e-05 where 9.999999747378752e-06 is stored."""
    (single,) = struct.unpack("<f", struct.pack("<f", value))
    return float(str(np.float32(single)))
