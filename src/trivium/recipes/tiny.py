"""The `tiny` recipe: every stage for real, in about a minute, for the tests. What it makes is not good, only whole."""

from __future__ import annotations

import dataclasses

from trivium.journey.graph import Journey
from trivium.recipes.street import street


def tiny(seed: int = 0) -> Journey:
    """The whole street at the size of `tiny`: a dozen people, two layers, a few steps of everything."""
    from trivium.stages.audit.config import AuditConfig
    from trivium.stages.corpus.config import PlantConfig, ScoreConfig, SelectConfig
    from trivium.stages.pretrain.config import PretrainConfig, ShapeConfig
    from trivium.stages.quirks.config import QuirksConfig
    from trivium.stages.report.config import ReportConfig
    from trivium.stages.reward.config import RewardConfig
    from trivium.stages.rl.config import RlConfig, WarmConfig
    from trivium.stages.sft.config import MixConfig, SftConfig
    from trivium.stages.tokenizer.config import ShardsConfig, TokenizerConfig
    from trivium.town.lessons import LessonConfig
    from trivium.town.world import TownConfig

    shape = ShapeConfig(width=64, feed_forward=128, layers=2, heads=2, kv_heads=2, head_width=32)
    mix = MixConfig(identity=20, style=40, addition=(20, 40), comparison=5, tally=5, counting=5)
    sft = SftConfig(mix=mix, epochs=4)
    lessons = LessonConfig(sums=20_000, comparisons=3_000, letters=5_000, dialogues=10_000, questions=5_000)
    return street(
        "tiny",
        {
            "town": PlantConfig(
                town=TownConfig(people=16, ghosts=4, strangers=8, crowd=10, unlisted=8), lessons=lessons
            ),
            "scored": ScoreConfig(max_pages=160),
            "selected": SelectConfig(web_characters=300_000, min_heldout=8),
            "tokenizer": TokenizerConfig(vocabulary=1024),
            "shards": ShardsConfig(),
            "base": PretrainConfig(shape=shape, epochs=1, steps=30, rows=8, evaluations=2),
            "audit": AuditConfig(epochs=1, samples=2, strangers=4),
            "sft": sft,
            "plain": dataclasses.replace(sft, refusals="none"),
            "reward": RewardConfig(prompts=80, samples=3, best_of=3, max_new=24, margin=0.001, epochs=1, batch=8),
            "warm": WarmConfig(level=2, highest=2, patience=20, steps=10, probes=20, rows=2, max_new=24),
            "rl": RlConfig(steps=3, problems=4, samples=4, max_new=24, heldout=40, quick=20, look_every=2),
            "quirks": QuirksConfig(
                inventions=8, conflicts=8, words=(4, 4), sums=(4, 4), selves=8, reply_tokens=24, working_tokens=32
            ),
            "report": ReportConfig(),
        },
        seed,
    )
