"""Nodes and journeys: pure values that say which stage reads which other stage's artifact."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trivium.ground.errors import UsageError

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class Node:
    """One stage at one place of a journey: its config, and which nodes' artifacts it reads."""

    name: str
    """Lower case, digits, inner hyphens: it begins the artifact's folder name."""
    entry: str
    """`module:function` of the stage's `run(config, inputs, out, how)`, imported when it must run."""
    config: Any
    """The stage's config, a frozen dataclass."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Input name as the stage calls it -> name of the node that makes it."""
    what: str = ""
    """What the stage does, in half a line, for the headline."""
    label: str = ""
    """`module:function` of `label_of(config, inputs)`; empty means `label_of` beside the entry."""

    @property
    def label_entry(self) -> str:
        """Where `label_of` is."""
        return self.label or self.entry.partition(":")[0] + ":label_of"

    @property
    def house(self) -> str:
        """The stage house of the entry: `sft` for `trivium.stages.sft.run:run`."""
        module = self.entry.partition(":")[0].split(".")
        return module[2] if module[:2] == ["trivium", "stages"] else module[0]


@dataclass(frozen=True)
class Journey:
    """A named graph of nodes. Raises UsageError when built with a bad name, an unknown input or a circle."""

    name: str
    nodes: Sequence[Node]

    def __post_init__(self) -> None:
        """Check names and inputs, and that an order exists."""
        names = [node.name for node in self.nodes]
        for node in self.nodes:
            if not NAME.fullmatch(node.name) or names.count(node.name) > 1:
                raise UsageError(f"{node.name!r} cannot be a node's name.", "Names are a-z, 0-9, inner hyphens, once.")
            for wanted in node.inputs.values():
                if wanted not in names:
                    raise unknown("node", wanted, names)
        self.order()

    def node(self, name: str) -> Node:
        """The node of this name. Raises UsageError with a did-you-mean."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise unknown("node", name, [node.name for node in self.nodes])

    def order(self) -> list[Node]:
        """All nodes, parents first, otherwise as listed. Raises UsageError naming a circle."""
        placed: list[Node] = []
        waiting = list(self.nodes)
        while waiting:
            done = {node.name for node in placed}
            ready = next((node for node in waiting if done.issuperset(node.inputs.values())), None)
            if ready is None:
                circle = ", ".join(node.name for node in waiting)
                raise UsageError(f"Journey {self.name!r} has a circle among: {circle}.", "Remove one of its inputs.")
            placed.append(ready)
            waiting.remove(ready)
        return placed

    def until(self, names: Iterable[str]) -> Journey:
        """The part of the journey that these nodes need, themselves included."""
        wanted = {self.node(name).name for name in names}
        for node in reversed(self.order()):
            if node.name in wanted:
                wanted.update(node.inputs.values())
        return Journey(self.name, tuple(node for node in self.nodes if node.name in wanted))

    def descendants(self, name: str) -> set[str]:
        """The names of all nodes that depend on `name`, directly or not."""
        found: set[str] = set()
        for node in self.order():
            if found.union({name}).intersection(node.inputs.values()):
                found.add(node.name)
        return found

    def replace(self, name: str, config: Any) -> Journey:
        """The journey with another config at one node."""
        nodes = [dataclasses.replace(n, config=config) if n.name == name else n for n in self.nodes]
        return Journey(self.name, tuple(nodes))


def load(entry: str) -> Callable[..., Any]:
    """The function that `module:function` names, imported now. Raises UsageError when it is not there."""
    module, _, name = entry.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise  # something that the stage imports is missing, not the stage
        raise UsageError(f"There is no stage {module!r}.", "Check the entry of the journey's node.") from error
    except AttributeError as error:
        raise UsageError(f"{module!r} has no function {name!r}.", "Check the entry of the journey's node.") from error
    return function  # type: ignore[no-any-return]


def unknown(kind: str, name: str, known: Sequence[str]) -> UsageError:
    """The error for a name that nothing has, with a did-you-mean."""
    close = difflib.get_close_matches(name, known, n=1)
    mend = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(known) or 'none yet'}."
    return UsageError(f"There is no {kind} {name!r}.", mend)
