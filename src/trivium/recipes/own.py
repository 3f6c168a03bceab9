"""Recipes for documents of one's own: `base` trains a model on them, `continued` trains a model on that exists."""

from __future__ import annotations

from typing import Any

from trivium.journey.graph import Journey, Node
from trivium.recipes.corpus import cleaned
from trivium.recipes.street import reseed

SHOWN = ("scored", "selected", "tokenizer", "shards", "base")


def base(seed: int = 0) -> Journey:
    """Sources to a tokenizer and a base model of their own; `base.depth` is the dial."""
    from trivium.stages.pretrain.config import PretrainConfig
    from trivium.stages.tokenizer.config import TokenizerConfig

    learned = TokenizerConfig(vocabulary=8192)
    tokenizer = _node("tokenizer", "tokenizer.run", "byte pairs become tokens", learned, selected="selected")
    trained = reseed(PretrainConfig(depth=4), seed)
    return Journey("base", (*cleaned(seed), tokenizer, *_to_base(trained), _report("A base model")))


def continued(seed: int = 0) -> Journey:
    """Sources to a model that is trained on from `base.start`, and what it forgot meanwhile."""
    from trivium.model.config import OptimizerConfig
    from trivium.stages.corpus.config import ScoreConfig, SelectConfig
    from trivium.stages.pretrain.config import ForgettingConfig, PretrainConfig
    from trivium.stages.tokenizer.config import TakenConfig
    from trivium.train.schedule import ScheduleConfig

    gentle = OptimizerConfig(muon_lr=0.002, embed_lr=0.0003, head_lr=0.0003)
    config = PretrainConfig(
        row_tokens=512, rows=16, epochs=1, optimizer=gentle, schedule=ScheduleConfig(warmup=0.05, decay=0.6, floor=0.0)
    )
    general = (
        _node("general-scored", "corpus.score", "the bundled sample, to measure forgetting on", ScoreConfig()),
        _node(
            "general",
            "corpus.select",
            "its documents",
            reseed(SelectConfig(web_characters=0), seed),
            scored="general-scored",
        ),
    )
    nodes = (
        *cleaned(seed),
        _node("tokenizer", "tokenizer.taken", "the model's own tokenizer", TakenConfig()),
        *_to_base(reseed(config, seed)),
        *general,
        _node(
            "forgetting",
            "pretrain.forgetting",
            "bits per byte before and after, new documents and general ones",
            ForgettingConfig(),
            model="base",
            shards="shards",
            reference="general",
        ),
        _report("A model trained on"),
    )
    return Journey("continued", nodes)


def _to_base(config: Any) -> tuple[Node, Node]:
    from trivium.stages.tokenizer.config import ShardsConfig

    cut, learns = "documents become token ids", "learns to continue documents"
    shards = _node("shards", "tokenizer.shards", cut, ShardsConfig(), selected="selected", tokenizer="tokenizer")
    return shards, _node("base", "pretrain.run", learns, config, shards="shards", tokenizer="tokenizer")


def _report(title: str) -> Node:
    from trivium.stages.report.config import ReportConfig

    inputs = {name: name for name in SHOWN}
    return _node("report", "report.run", "one page with all that was measured", ReportConfig(title=title), **inputs)


def _node(name: str, room: str, what: str, config: Any, **inputs: str) -> Node:
    return Node(name=name, entry=f"trivium.stages.{room}:run", config=config, inputs=inputs, what=what)
