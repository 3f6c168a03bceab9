"""One item of any benchmark: what stands before, what may follow, and which of it is right."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

Kind = Literal["choice", "continuation", "schema"]
"""choice: the likeliest of several continuations; continuation: the greedy one must be this (LAMBADA's last word);
schema: the choices stand in the context, and one ending follows them (Winograd)."""


@dataclass(frozen=True)
class Item:
    """A question that log-likelihoods answer."""

    id: str
    """Its own id, or its number in its file."""
    task: str
    context: str
    """The prompt without shots: up to where an answer goes. For a schema empty."""
    choices: tuple[str, ...]
    """What may follow (for a continuation only the right one; for a schema the contexts to choose from)."""
    gold: int
    """Place of the right choice."""
    kind: Kind = "choice"
    ending: str = ""
    """What follows each context of a schema."""
    head: str = ""
    """What stands before the shots (MMLU names its subject there)."""
    group: str = ""
    """A part of the task: MMLU's subject."""
    split: str = "test"
    """test, validation, train, or shots (rows meant to be shown, as MMLU's dev)."""

    def requests(self, shots: str = "") -> list[tuple[str, str]]:
        """(context, continuation) pairs whose log-likelihoods decide the item, after the head and these shots."""
        before = self.head + shots
        if self.kind == "schema":
            return [(before + context, f" {self.ending}") for context in self.choices]
        return [(before + self.context, f" {choice}") for choice in self.choices]

    def digest(self, shots: str = "") -> str:
        """A hash of everything that the model is shown and of the answer: equal digests, equal items."""
        text = repr((self.requests(shots), self.gold, self.kind))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
