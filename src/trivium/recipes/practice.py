"""The recipe `practice`: RL on any chat model, with what is asked for around it: `practice+warm+random+thinking`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from trivium.ground.errors import UsageError
from trivium.journey.graph import Journey, Node
from trivium.recipes.street import reseed

RUNS = ("random", "format")
"""Controls that are practice themselves, paid otherwise."""
MEASURED = ("sft", "prompt", "vote")
OPTIONS = ("warm", "thinking", *RUNS, *MEASURED)


def practice(seed: int = 0, options: Sequence[str] = ()) -> Journey:
    """A model (`start.model`), perhaps warmed up, that practises `rl.tasks`; controls and questions about thinking.

    Raises UsageError for an unknown option.
    """
    from trivium.stages.report.config import ReportConfig
    from trivium.stages.rl.config import ControlsConfig, RlConfig, StartConfig, ThinkingConfig, WarmConfig

    for option in options:
        if option not in OPTIONS:
            raise UsageError(f"Practice has no {option!r}.", f"There are: {', '.join(OPTIONS)}.")
    rl = reseed(RlConfig(chances=16), seed)
    begin = "warm" if "warm" in options else "start"
    nodes = [_node("start", "start", "takes the model in", StartConfig())]
    if "warm" in options:
        warm = reseed(WarmConfig(), seed)
        nodes.append(_node("warm", "warm", "learns to think aloud, until it solves some problems", warm, model="start"))
    nodes.append(_node("rl", "run", "practises on problems that can be checked", rl, model=begin))
    runs = {f"control-{name}": name for name in RUNS if name in options}
    for node, name in runs.items():
        told = "practises for a coin" if name == "random" else "practises for the form alone"
        nodes.append(_node(node, "run", told, dataclasses.replace(rl, reward=name), model=begin))
    measured = tuple(name for name in MEASURED if name in options)
    if measured or runs:
        beside = {node: node for node in runs}
        config = ControlsConfig(names=measured)
        nodes.append(_node("controls", "controls", "what stands beside it", config, model=begin, rl="rl", **beside))
    if "thinking" in options:
        inputs = {"model": "start", "rl": "rl"} | ({"warm": "warm"} if "warm" in options else {})
        nodes.append(_node("thinking", "thinking.run", "what thinking is worth", ThinkingConfig(), **inputs))
    shown = {node.name: node.name for node in nodes if node.name != "start"}
    report = Node(
        name="report", entry="trivium.stages.report.run:run", config=ReportConfig(title="Practice"), inputs=shown,
        what="one page with all that was measured",
    )  # fmt: skip
    return Journey("practice", (*nodes, report))


def _node(name: str, room: str, what: str, config: Any, **inputs: str) -> Node:
    return Node(name=name, entry=f"trivium.stages.rl.{room}:run", config=config, inputs=inputs, what=what)
