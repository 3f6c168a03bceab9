"""The tokenizer's choices."""

from __future__ import annotations

from dataclasses import dataclass

from trivium.ground.config import check
from trivium.text.patterns import PATTERNS
from trivium.text.tokenizer import SPECIALS

STAGE = "tokenizer"
FORMAT = 1
SHARDS_STAGE = "shards"
SHARDS_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """How the vocabulary is learned."""

    vocabulary: int = 4096
    """Number of ids, the special tokens included."""
    pattern: str = "qwen2"
    """The split regex, by name; it decides how many digits a token can hold: qwen2 one, nanochat two, llama3 three."""
    memory_mib: int = 2048
    """Memory for learning. Counted words beyond it go to disk and are merged, so counts are exact whatever it is."""
    drop_rare: bool = True
    """Where learning from all words would take more than that, leave out those met once, then those met twice, and so
    on, until it fits; `stats.json` says how many. About 6 million different words fit into 2048 MiB. Without it,
    learning takes what it needs."""

    def __post_init__(self) -> None:
        """Check both."""
        least = 256 + len(SPECIALS)
        check(least <= self.vocabulary <= 2**20, "vocabulary", self.vocabulary, f"Choose {least} to {2**20}.")
        check(self.memory_mib >= 1, "memory_mib", self.memory_mib, "Give at least 1.")
        check(self.pattern in PATTERNS, "pattern", self.pattern, f"Choose one of {', '.join(PATTERNS)}.")


@dataclass(frozen=True, kw_only=True)
class TakenConfig:
    """Whose tokenizer is taken."""

    model: str = ""
    """A sealed model's folder."""


@dataclass(frozen=True, kw_only=True)
class ShardsConfig:
    """Nothing to choose: ids are uint16 up to 65,536 tokens and uint32 beyond; their order is training's business."""
