"""Asking again while a model is taught: which lessons has fine-tuning itself made false?

An SFT stage calls a `Reprobe` after an epoch with the weights as they are. It asks the model about the facts of the
lessons, and says which refusals now concern something that the model knows, and which answers something that it has
lost ("dynamic conflict", CRaFT, arXiv 2410.06913). `mended` gives the lessons for the next epoch.

    again = Reprobe.of(lessons, tokenizer, asking, how)     # lessons: the lines of an audit's refusals.jsonl
    lessons = again.mended(lessons, again(model))           # after each epoch
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trivium.evals.knowledge.asking import Asking, Said, Shots, wishes_of
from trivium.evals.knowledge.mapping import KNOWN, record
from trivium.evals.knowledge.probe import Probe
from trivium.evals.knowledge.speaking import FEW_SLOTS, MANY_SLOTS, Spoken
from trivium.generate.engine import Engine
from trivium.ground.how import How
from trivium.model.transformer import Transformer
from trivium.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Changes:
    """What the model of this epoch makes of the lessons' facts, by probe id."""

    learned: frozenset[str]
    """Refused in the lessons, but now answered rightly in every draw."""
    lost: frozenset[str]
    """Answered in the lessons, but now never answered rightly."""
    asked: int

    def to_json(self) -> dict[str, Any]:
        """For a stage's metrics."""
        return {"asked": self.asked, "learned": sorted(self.learned), "lost": sorted(self.lost)}


class Reprobe:
    """A callback for training: called with a model, it says which lessons have become false."""

    def __init__(self, kinds: Mapping[str, str], probes: Sequence[Probe], speaker: _Maker, asking: Asking) -> None:
        self.kinds, self.probes, self.asking, self._speaker = kinds, probes, asking, speaker
        self._shots = Shots([p for p in probes if kinds[p.id] == "fact"], asking)

    @classmethod
    def of(
        cls, lessons: Sequence[Mapping[str, Any]], tokenizer: Tokenizer, asking: Asking, how: How, chat: bool = True
    ) -> Reprobe:
        """For the answerable facts of these lessons. Shots come from those that the lessons answer."""
        kinds, probes = {}, {}
        for line in lessons:
            probe = Probe.from_json(line["probe"])
            if probe.answerable:
                kinds[probe.id], probes[probe.id] = str(line["kind"]), probe
        return cls(kinds, list(probes.values()), _Maker(tokenizer, chat, how), asking)

    def __call__(self, model: Transformer) -> Changes:
        """Ask the model as it is now. Raises Stopped."""
        answers: dict[str, Said] = {}
        chat = self._speaker.chat
        wishes = [wish for wish in wishes_of(self.probes, self._shots, self.asking, chat) if "\tknown\t" in wish.key]
        self._speaker.make(model).say(wishes, answers.__setitem__)
        learned, lost = set(), set()
        for probe in self.probes:
            found = record(probe, answers, self.asking, chat=False)
            if self.kinds[probe.id] == "refusal" and found.label == "highly-known":
                learned.add(probe.id)
            elif self.kinds[probe.id] == "fact" and found.label not in KNOWN and not found.right:
                lost.add(probe.id)
        return Changes(frozenset(learned), frozenset(lost), len(self.probes))

    def mended(self, lessons: Sequence[Mapping[str, Any]], changes: Changes) -> list[dict[str, Any]]:
        """The lessons without those that have become false: what was learned and what was lost is neither refused nor
        answered any more. Lessons that nobody can answer stay as they are.
        """
        gone = changes.learned | changes.lost
        return [dict(line) for line in lessons if line["probe"]["id"] not in gone]


@dataclass(frozen=True)
class _Maker:
    """Makes a speaker of a model."""

    tokenizer: Tokenizer
    chat: bool
    how: How

    def make(self, model: Transformer) -> Spoken:
        slots = MANY_SLOTS if next(model.parameters()).device.type == "cuda" else FEW_SLOTS
        longest = model.config.max_position_embeddings
        return Spoken(Engine(model, slots), self.tokenizer, self.chat, longest, self.how)
