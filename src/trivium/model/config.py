"""The shape of a model, in the words of Hugging Face's `config.json`, and the rates that it is trained with.

No torch here: configs are read before anything heavy is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trivium.ground.config import check

ARCHITECTURES = {"qwen3": "Qwen3ForCausalLM", "qwen2": "Qwen2ForCausalLM", "llama": "LlamaForCausalLM"}


@dataclass(frozen=True, kw_only=True)
class RopeScaling:
    """Positions turned slower than they were in training, so that longer texts fit (the maths: `model.rope`)."""

    kind: str
    """linear (all alike) or llama3 (the slow pairs only)."""
    factor: float
    """How many times slower."""
    low_freq_factor: float = 1.0
    """llama3: pairs that turn fewer times than this over `original_positions` are slowed down fully."""
    high_freq_factor: float = 4.0
    """llama3: pairs that turn more often than this are left alone."""
    original_positions: int = 8192
    """llama3: the longest row before stretching, in tokens."""

    def __post_init__(self) -> None:
        known = ("linear", "llama3")
        check(self.kind in known, "rope_type", self.kind, f"This code knows default, {' and '.join(known)}.")
        check(self.factor >= 1, "rope factor", self.factor, "It must be at least 1.")
        low, high = self.low_freq_factor, self.high_freq_factor
        check(high > low > 0, "high_freq_factor", high, f"It must be above low_freq_factor, {low}, above 0.")

    def to_hf(self) -> dict[str, Any]:
        """The same in the words of `rope_parameters`."""
        value: dict[str, Any] = {"rope_type": self.kind, "factor": self.factor}
        if self.kind == "llama3":
            value |= {
                "low_freq_factor": self.low_freq_factor,
                "high_freq_factor": self.high_freq_factor,
                "original_max_position_embeddings": self.original_positions,
            }
        return value


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A decoder: RMSNorm, RoPE, grouped-query attention, SwiGLU; Qwen3 norms queries and keys, Qwen2 biases them."""

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
    rope_scaling: RopeScaling | None = None
    """None: positions as in training."""
    rms_norm_eps: float = 1e-6
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    """Biases on queries, keys, values and output (qwen2 has those on the first three without being asked)."""
    mlp_bias: bool = False
    """Biases in the feed-forward network; llama only."""
    model_type: str = "qwen3"
    """qwen3 (norms on queries and keys), qwen2 (biases on queries, keys and values) or llama (neither)."""

    def __post_init__(self) -> None:
        check(self.vocab_size > 0, "vocab_size", self.vocab_size, "It must be positive.")
        check(self.model_type in ARCHITECTURES, "model_type", self.model_type, f"Use one of {sorted(ARCHITECTURES)}.")
        check(self.head_dim % 2 == 0, "head_dim", self.head_dim, "RoPE turns pairs: it must be even.")
        heads, groups = self.num_attention_heads, self.num_key_value_heads
        check(groups > 0 and heads % groups == 0, "num_key_value_heads", groups, f"It must divide {heads} heads.")
        check(
            not self.attention_bias or self.model_type != "qwen2", "attention_bias", True, "qwen2 has its own biases."
        )
        check(not self.mlp_bias or self.model_type == "llama", "mlp_bias", True, "Only llama has such biases.")

    @property
    def qk_norm(self) -> bool:
        """Whether queries and keys are normed."""
        return self.model_type == "qwen3"

    @property
    def qkv_bias(self) -> bool:
        """Whether queries, keys and values have biases."""
        return self.attention_bias or self.model_type == "qwen2"

    def to_hf(self, special: dict[str, int]) -> dict[str, Any]:
        """The content of `config.json`, which `transformers` reads; `special` names the id of `<|endoftext|>`."""
        scaling = self.rope_scaling.to_hf() if self.rope_scaling else {"rope_type": "default"}
        value = {
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
            "rope_parameters": {**scaling, "rope_theta": self.rope_theta},
            "rms_norm_eps": self.rms_norm_eps,
            "tie_word_embeddings": self.tie_word_embeddings,
            "hidden_act": "silu",
            "attention_bias": self.attention_bias,
            "attention_dropout": 0.0,
            "initializer_range": 0.02,
            "use_cache": True,
            "torch_dtype": "float32",
            "bos_token_id": None,
            "eos_token_id": special.get("<|endoftext|>"),
            "pad_token_id": special.get("<|endoftext|>"),
        }
        if self.rope_scaling:
            value["rope_scaling"] = scaling  # where versions before 5 look
        return value | {"mlp_bias": True} if self.mlp_bias else value

    @classmethod
    def from_hf(cls, value: dict[str, Any]) -> ModelConfig:
        """The shape that a `config.json` names. Keys that change nothing here are left out.

        Raises ConfigError for a key that would change what the model computes and that this code does not know.
        """
        _refuse_unknown_maths(value)
        heads, kind = int(value["num_attention_heads"]), value["model_type"]
        rope = {**(value.get("rope_scaling") or {}), **(value.get("rope_parameters") or {})}
        return cls(
            vocab_size=value["vocab_size"],
            hidden_size=value["hidden_size"],
            intermediate_size=value["intermediate_size"],
            num_hidden_layers=value["num_hidden_layers"],
            num_attention_heads=heads,
            num_key_value_heads=value.get("num_key_value_heads") or heads,
            head_dim=value.get("head_dim") or (128 if kind == "qwen3" else value["hidden_size"] // heads),
            max_position_embeddings=value.get("max_position_embeddings", 1024),
            rope_theta=float(value.get("rope_theta") or rope.get("rope_theta") or 10000.0),
            rope_scaling=_scaling(rope),
            rms_norm_eps=value.get("rms_norm_eps", 1e-6),
            tie_word_embeddings=bool(value.get("tie_word_embeddings", False)),
            attention_bias=bool(value.get("attention_bias")) and kind != "qwen2",
            mlp_bias=bool(value.get("mlp_bias")) and kind == "llama",
            model_type=kind,
        )


def _scaling(rope: dict[str, Any]) -> RopeScaling | None:
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if kind == "default":
        return None
    if kind != "llama3":
        return RopeScaling(kind=kind, factor=float(rope.get("factor") or 1))
    return RopeScaling(
        kind=kind,
        factor=float(rope["factor"]),
        low_freq_factor=float(rope["low_freq_factor"]),
        high_freq_factor=float(rope["high_freq_factor"]),
        original_positions=int(rope["original_max_position_embeddings"]),
    )


def _refuse_unknown_maths(value: dict[str, Any]) -> None:
    """A model that is read as another one answers nonsense with a straight face."""
    rope = {**(value.get("rope_scaling") or {}), **(value.get("rope_parameters") or {})}
    partial = rope.get("partial_rotary_factor") or value.get("partial_rotary_factor") or 1
    check(partial == 1, "partial_rotary_factor", partial, "All of a head is turned.")
    sliding = value.get("use_sliding_window") or sorted(set(value.get("layer_types") or ()) - {"full_attention"})
    check(not sliding, "use_sliding_window or layer_types", sliding, "Every layer sees the whole text.")
    act = value.get("hidden_act", "silu")
    check(act == "silu", "hidden_act", act, "Feed-forward layers are SwiGLU: silu.")
    check("quantization_config" not in value, "quantization_config", "given", "Weights are fp32, fp16 or bf16.")


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


LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The matrices of a block."""


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """Adapters; without a rank there are none, and all weights learn."""

    rank: int = 0
    """Columns of an adapter; 0 means no adapters."""
    alpha: float = 0.0
    """What an adapter's product is multiplied by, times its rank; 0 means twice the rank."""
    lr: float = 0.001
    """Peak rate of the adapters (AdamW)."""
    targets: tuple[str, ...] = LINEAR
    """Which matrices of each block get one."""

    def __post_init__(self) -> None:
        check(0 <= self.rank <= 1024, "lora.rank", self.rank, "0 (none) to 1024; 16 is usual.")
        check(self.alpha >= 0, "lora.alpha", self.alpha, "0 (twice the rank) or above.")
        check(self.lr > 0, "lora.lr", self.lr, "Above 0; 0.001 is usual.")
        strange = [name for name in self.targets if name not in LINEAR]
        check(bool(self.targets) and not strange, "lora.targets", self.targets, f"Some of {', '.join(LINEAR)}.")

    @property
    def scale(self) -> float:
        """What B A is multiplied by."""
        return (self.alpha or 2 * self.rank) / self.rank
