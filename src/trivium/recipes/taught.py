"""Recipes for SFT of one's own: `taught` learns conversations from files, on any model that is there."""

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


def _node(name: str, room: str, what: str, config: Any, **inputs: str) -> Node:
    return Node(name=name, entry=f"trivium.stages.{room}:run", config=config, inputs=inputs, what=what)
