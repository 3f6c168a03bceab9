"""The `nano` recipe: two CPU cores, minutes, the default."""

from __future__ import annotations

from trivium.journey.graph import Journey
from trivium.recipes.street import street


def nano(seed: int = 0) -> Journey:
    """The whole street at the size of `nano`."""
    from trivium.stages.audit.config import AuditConfig
    from trivium.stages.corpus.config import PlantConfig, ScoreConfig, SelectConfig
    from trivium.stages.pretrain.config import PretrainConfig
    from trivium.stages.quirks.config import QuirksConfig
    from trivium.stages.report.config import ReportConfig
    from trivium.stages.reward.config import RewardConfig
    from trivium.stages.rl.config import RlConfig, WarmConfig
    from trivium.stages.sft.config import SftConfig
    from trivium.stages.tokenizer.config import ShardsConfig, TokenizerConfig

    configs = {
        "town": PlantConfig(),
        "scored": ScoreConfig(),
        "selected": SelectConfig(),
        "tokenizer": TokenizerConfig(),
        "shards": ShardsConfig(),
        "base": PretrainConfig(),
        "audit": AuditConfig(),
        "sft": SftConfig(),
        "plain": SftConfig(),
        "reward": RewardConfig(),
        "warm": WarmConfig(),
        "rl": RlConfig(),
        "quirks": QuirksConfig(),
        "report": ReportConfig(),
    }
    return street("nano", configs, seed)
