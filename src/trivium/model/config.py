"""The shape of a model, in the words of Hugging Face's `config.json`, and the rates that it is trained with.

No torch here: configs are read before anything heavy is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trivium.ground.config import check

ARCHITECTURES = {"qwen3": "Qwen3ForCausalLM", "llama": "LlamaForCausalLM"}


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A decoder: RMSNorm, RoPE, grouped-query attention, SwiGLU; Qwen3 adds norms on queries and keys."""

    vocab_size: int
    hidden_size: int = 256
    """Width D."""
    intermediate_size: int = 704
    """Feed-forward width F."""
    num_hidden_layers: int = 6
    num_attention_heads: int = 4
    """Query heads H."""
    num_key_value_heads: int = 4
    """Key/value heads G; each serves H/G query heads."""
    head_dim: int = 64
    """Head width K."""
    max_position_embeddings: int = 1024
    """Longest row, in tokens, that the model is meant for."""
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-6
    tie_word_embeddings: bool = False
    model_type: str = "qwen3"
    """qwen3 (norms on queries and keys) or llama (none)."""

    def __post_init__(self) -> None:
        check(self.vocab_size > 0, "vocab_size", self.vocab_size, "It must be positive.")
        check(self.model_type in ARCHITECTURES, "model_type", self.model_type, f"Use one of {sorted(ARCHITECTURES)}.")
        check(self.head_dim % 2 == 0, "head_dim", self.head_dim, "RoPE turns pairs: it must be even.")
        heads, groups = self.num_attention_heads, self.num_key_value_heads
        check(groups > 0 and heads % groups == 0, "num_key_value_heads", groups, f"It must divide {heads} heads.")

    @property
    def qk_norm(self) -> bool:
        """Whether queries and keys are normed."""
        return self.model_type == "qwen3"

    def to_hf(self, special: dict[str, int]) -> dict[str, Any]:
        """The content of `config.json`, which `transformers` reads."""
        return {
            "architectures": [ARCHITECTURES[self.model_type]],
            "model_type": self.model_type,
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": self.num_attention_heads,
            "num_key_value_heads": self.num_key_value_heads,
            "head_dim": self.head_dim,
            "max_position_embeddings": self.max_position_embeddings,
            "rope_theta": self.rope_theta,
            "rope_parameters": {"rope_type": "default", "rope_theta": self.rope_theta},
            "rms_norm_eps": self.rms_norm_eps,
            "tie_word_embeddings": self.tie_word_embeddings,
            "hidden_act": "silu",
            "attention_bias": False,
            "attention_dropout": 0.0,
            "initializer_range": 0.02,
            "use_cache": True,
            "torch_dtype": "float32",
            "bos_token_id": None,
            "eos_token_id": special.get("<|endoftext|>"),
            "pad_token_id": special.get("<|endoftext|>"),
        }

    @classmethod
    def from_hf(cls, value: dict[str, Any]) -> ModelConfig:
        """The shape that a `config.json` names. Keys that change nothing here are left out.

        Raises ConfigError for a key that would change what the model computes and that this code does not know.
        """
        _refuse_unknown_maths(value)
        heads = int(value["num_attention_heads"])
        theta = value.get("rope_theta") or (value.get("rope_parameters") or {}).get("rope_theta") or 10000.0
        return cls(
            vocab_size=value["vocab_size"],
            hidden_size=value["hidden_size"],
            intermediate_size=value["intermediate_size"],
            num_hidden_layers=value["num_hidden_layers"],
            num_attention_heads=heads,
            num_key_value_heads=value.get("num_key_value_heads") or heads,
            head_dim=value.get("head_dim") or value["hidden_size"] // heads,
            max_position_embeddings=value.get("max_position_embeddings", 1024),
            rope_theta=float(theta),
            rms_norm_eps=value.get("rms_norm_eps", 1e-6),
            tie_word_embeddings=bool(value.get("tie_word_embeddings", False)),
            model_type=value["model_type"],
        )


def _refuse_unknown_maths(value: dict[str, Any]) -> None:
    """A model that is read as another one answers nonsense with a straight face."""
    rope = {**(value.get("rope_scaling") or {}), **(value.get("rope_parameters") or {})}
    kind = rope.get("rope_type") or rope.get("type") or "default"
    check(kind == "default", "rope_type", kind, "Positions are turned in the default way only.")
    for key in ("attention_bias", "mlp_bias", "use_sliding_window"):
        check(not value.get(key), key, value.get(key), "This code has no such thing.")
    act = value.get("hidden_act", "silu")
    check(act == "silu", "hidden_act", act, "Feed-forward layers are SwiGLU: silu.")


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """Peak learning rates and the constants of Muon and AdamW."""

    muon_lr: float = 0.02
    """Peak rate of the blocks' matrices (an update of unit spectral size times this)."""
    embed_lr: float = 0.01
    """Peak rate of embeddings (AdamW)."""
    gain_lr: float = 0.0
    """Peak rate of the norms' gains (AdamW); 0 means that of the embeddings."""
    head_lr: float = 0.004
    """Peak rate of the unembedding matrix, or of a reward model's head (AdamW)."""
    momentum: float = 0.95
    """Of Muon: share of the past in a direction."""
    momentum_start: float = 0.0
    """What the momentum starts from, to rise to `momentum` over `momentum_steps`; 0 means no rise."""
    momentum_steps: int = 300
    muon_beta2: float = 0.0
    """Of Muon: share of the past in the running size of an update's rows (NorMuon); 0 leaves the rows as they are."""
    even_rows: bool = False
    """Of Muon: scale a direction's rows to one size before it is made orthogonal."""
    cautious: bool = False
    """Let weights decay only where the update makes them smaller anyway."""
    beta1: float = 0.9
    """AdamW: share of the past in the mean gradient."""
    beta2: float = 0.95
    """The same in its square."""
    eps: float = 1e-8
    """Keeps AdamW from dividing by nothing."""
    weight_decay: float = 0.0
    """Decoupled decay of the blocks' matrices, times the current rate."""

    def momentum_at(self, step: int) -> float:
        """Muon's momentum at a step, counted from 1."""
        if not self.momentum_start:
            return self.momentum
        done = min(1.0, step / max(1, self.momentum_steps))
        return self.momentum_start + (self.momentum - self.momentum_start) * done
