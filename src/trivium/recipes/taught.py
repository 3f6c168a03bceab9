"""Recipes for SFT of one's own, on any model that is there.

`taught` learns conversations from files, `guided` those that a guideline makes, `contrast` those of two guidelines, so
that two assistants come out of one model.
"""

from __future__ import annotations

from typing import Any

from trivium.journey.graph import Journey, Node
from trivium.recipes.street import reseed


def taught(seed: int = 0) -> Journey:
    """Files of conversations to a model that has learned them; `sft.start` says from which model."""
    from trivium.stages.sft.config import GatherConfig, TeachConfig

    conversations = _node(
        "conversations", "sft.gather", "reads conversations, a reason for each that goes", GatherConfig()
    )
    sft = _node(
        "sft", "sft.teach", "learns the conversations", reseed(TeachConfig(), seed), conversations="conversations"
    )
    return Journey("taught", (conversations, sft))


def guided(seed: int = 0) -> Journey:
    """A guideline to an assistant, and how it behaves; `sft.start` says from which model."""
    return Journey("guided", (*_assistant("", seed), _manners({"a": "sft"})))


def contrast(seed: int = 0) -> Journey:
    """Two guidelines to two assistants from one model, and how they differ."""
    pairs = (*_assistant("-a", seed), *_assistant("-b", seed))
    return Journey("contrast", (*pairs, _manners({"a": "sft-a", "b": "sft-b"})))


def _assistant(ending: str, seed: int) -> tuple[Node, Node]:
    from trivium.model.config import OptimizerConfig
    from trivium.stages.sft.config import TeachConfig, WriteConfig

    rates = OptimizerConfig(muon_lr=0.003, embed_lr=0.003, head_lr=0.001)
    config = TeachConfig(rows=2, row_tokens=256, epochs=4, optimizer=rates)
    written = f"conversations{ending}"
    return (
        _node(written, "sft.write", "writes conversations in the guideline's manner", reseed(WriteConfig(), seed)),
        _node(f"sft{ending}", "sft.teach", "learns them", reseed(config, seed), conversations=written),
    )


def _manners(models: dict[str, str]) -> Node:
    from trivium.stages.sft.config import MannersConfig

    return _node("manners", "sft.manners", "asks what was never written about", MannersConfig(), **models)


def _node(name: str, room: str, what: str, config: Any, **inputs: str) -> Node:
    return Node(name=name, entry=f"trivium.stages.{room}:run", config=config, inputs=inputs, what=what)
