"""What decides a base model."""

from __future__ import annotations

from dataclasses import dataclass, field

from trivium.ground.config import check
from trivium.model.config import ModelConfig, OptimizerConfig
from trivium.train.schedule import ScheduleConfig

STAGE = "pretrain"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class ShapeConfig:
    """The transformer's shape; the vocabulary comes with the shards."""

    width: int = 256
    feed_forward: int = 704
    layers: int = 6
    heads: int = 4
    kv_heads: int = 4
    head_width: int = 64
    rope_theta: float = 10000.0
    longest: int = 1024
    """Longest row, in tokens, that the model is meant for."""

    def model(self, vocabulary: int) -> ModelConfig:
        """The shape as a model's config."""
        return ModelConfig(
            vocab_size=vocabulary,
            hidden_size=self.width,
            intermediate_size=self.feed_forward,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.kv_heads,
            head_dim=self.head_width,
            rope_theta=self.rope_theta,
            max_position_embeddings=self.longest,
        )


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """Shape, data order, length and rates of a pre-training run."""

    seed: int = 0
    """Decides the first weights and the order of documents."""
    start: str = ""
    """A sealed model's folder to go on from, instead of random weights; its shape and tokenizer are taken with it."""
    depth: int = 0
    """Number of blocks from which shape, batch, rates, steps and schedule follow; 0 means that they are as set here. A
    field that is set here stays; of shape, optimizer and schedule one counts as set where it is not its default."""
    ratio: float = 12.0
    """With a depth: tokens to read for each parameter that multiplies."""
    shape: ShapeConfig = field(default_factory=ShapeConfig)
    row_tokens: int = 0
    """Tokens in a packed row; 0 means 256, or what follows from the depth."""
    rows: int = 0
    """Rows in a step; 0 means 16, or what follows from the depth."""
    epochs: int = 2
    """Passes over the shards."""
    steps: int = 0
    """Stop after this many steps; 0 means all of the epochs, or what follows from the depth."""
    crossing: bool | None = None
    """Whether tokens also see the documents before theirs in a row: faster on a GPU. none: with a depth."""
    fp8: bool = False
    """Whether the blocks' matrix products are in 8-bit floating point (Ada, Hopper; emulated, slowly, on a CPU). It is
    here since it changes what is learned by more than last bits."""
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(muon_lr=0.016, embed_lr=0.03, head_lr=0.008)
    )
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    evaluations: int = 4
    """How many times along the way held-out bits per byte are measured and samples taken."""

    def __post_init__(self) -> None:
        check(0 <= self.depth <= 128, "depth", self.depth, "0 to 128 blocks.")
        check(self.ratio > 0, "ratio", self.ratio, "Tokens for each parameter: above 0, 12 is usual.")
        check(self.row_tokens >= 0 and self.row_tokens != 1, "row_tokens", self.row_tokens, "A row needs 2 or more.")
        check(not self.fp8 or self.row_tokens % 16 == 0, "row_tokens", self.row_tokens, "fp8 wants a multiple of 16.")
        check(self.rows >= 0, "rows", self.rows, "It is a number of rows; 0 leaves it open.")
        check(self.epochs > 0, "epochs", self.epochs, "Read the shards once or more.")
        check(self.steps >= 0, "steps", self.steps, "0 means all of the epochs.")
        check(self.evaluations > 0, "evaluations", self.evaluations, "Measure once or more.")
        check(
            not (self.start and self.depth), "depth", self.depth, "A model that is trained on has its depth: leave 0."
        )


@dataclass(frozen=True, kw_only=True)
class ForgettingConfig:
    """What is measured before and after."""

    start: str = ""
    """The folder of the model that was gone on from."""
    documents: int = 200
    """Of the new and of the general ones, at most."""
    window: int = 512
    """Tokens of context, at most."""

    def __post_init__(self) -> None:
        check(self.documents > 0, "documents", self.documents, "Measure one or more.")
        check(self.window > 1, "window", self.window, "A window needs 2 tokens or more.")
