"""The `nano` recipe: two CPU cores, minutes, the default."""

from __future__ import annotations

import dataclasses

from trivium.journey.graph import Journey
from trivium.recipes.street import street


def nano(seed: int = 0) -> Journey:
    """The whole street at the size of `nano`: 6.9 M parameters, 2.6 M tokens, one task to reason about."""
    from trivium.stages.audit.config import AuditConfig
    from trivium.stages.corpus.config import PlantConfig, ScoreConfig, SelectConfig
    from trivium.stages.pretrain.config import PretrainConfig
    from trivium.stages.quirks.config import QuirksConfig
    from trivium.stages.report.config import ReportConfig
    from trivium.stages.reward.config import RewardConfig
    from trivium.stages.rl.config import RlConfig, WarmConfig
    from trivium.stages.sft.config import SftConfig
    from trivium.stages.tokenizer.config import ShardsConfig, TokenizerConfig

    base = PretrainConfig(epochs=2)
    sft = SftConfig()
    return street(
        "nano",
        {
            "town": PlantConfig(),
            "scored": ScoreConfig(),
            "selected": SelectConfig(web_characters=2_200_000),
            "tokenizer": TokenizerConfig(vocabulary=4096),
            "shards": ShardsConfig(),
            "base": base,
            "audit": AuditConfig(epochs=base.epochs),
            "sft": sft,
            "plain": dataclasses.replace(sft, refusals="none"),
            "reward": RewardConfig(),
            "warm": WarmConfig(),
            "rl": RlConfig(),
            "quirks": QuirksConfig(),
            "report": ReportConfig(),
        },
        seed,
    )
