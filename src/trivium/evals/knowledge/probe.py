"""A probe: one question with its true answers, where it comes from, and to which side of each split it belongs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

Why = Literal["", "invented", "premise", "future", "unwritten"]
"""Why nobody can answer: an invented name, a false premise, after the data's end, somebody never written about."""
Split = Literal["train", "test", "new relation", "new source", "unanswerable"]
NEW_RELATIONS = 0.2
"""The share of relations that no refusal conversation asks about."""
_CLOZE = re.compile(r"^The (?P<relation>[a-z][\w \-]*?) (?P<link>of|played by|used in|for) (?P<subject>.+) is$")


@dataclass(frozen=True)
class Probe:
    """A question. `answers` is empty where nobody can know."""

    id: str
    question: str
    answers: tuple[str, ...] = ()
    """True answers; any of them will do, aliases among them."""
    subject: str = ""
    """Whom or what it is about."""
    relation: str = ""
    """What is asked of it: `capital`, `born in`."""
    source: str = "file"
    """people, documents, file (or the file's own word), written (by a model), unanswerable."""
    cloze: str = ""
    """The same as a sentence to complete, for a base model; "" where there is none."""
    why: Why = ""
    document: str = ""
    """Id of the document that states it."""
    start: int = 0
    end: int = 0
    """Where in the document's text the statement is, in characters."""
    exposure: int | None = None
    """How often the corpus states it; None where that is not known."""
    pool: str = ""
    """Of an invented name: recombined (of parts of real names) or disjoint (of syllables)."""

    @property
    def answerable(self) -> bool:
        """Whether there is a true answer."""
        return bool(self.answers)

    def to_json(self) -> dict[str, Any]:
        """The probe as a line of `probes.jsonl`: fields that say nothing are left out."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        kept = {key: value for key, value in values.items() if value not in ("", (), None)}
        if not self.document:
            kept.pop("start"), kept.pop("end")
        return {**kept, "answers": list(self.answers)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Probe:
        """The probe that `to_json` wrote. Raises KeyError and TypeError for other things."""
        known = {field.name for field in fields(cls)}
        given: dict[str, Any] = {key: value[key] for key in known if key in value}
        return cls(**{**given, "answers": tuple(given.get("answers", ()))})


def split_of(probe: Probe, held_out: tuple[str, ...] = (), seed: int = 0) -> Split:
    """Which side a probe is on: by source, else by relation, else by its entity, halves.

    Sides depend on names alone: the same entity is on the same side in every audit with this seed.
    """
    if not probe.answerable:
        return "unanswerable"
    if probe.source in held_out:
        return "new source"
    if probe.relation and _share(f"relation|{seed}|{probe.relation}") < NEW_RELATIONS:
        return "new relation"
    return "train" if _share(f"entity|{seed}|{probe.subject or probe.question}") < 0.5 else "test"


def teachable(probe: Probe, seed: int = 0) -> bool:
    """Whether an unanswerable probe may be taught: half of the recombined names; disjoint names stay for the test."""
    return probe.pool != "disjoint" and _share(f"entity|{seed}|{probe.subject or probe.question}") < 0.5


def number(*parts: object) -> int:
    """A number from 0 to 2^32 - 1 that depends on the parts alone."""
    return int.from_bytes(hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=4).digest(), "big")


def _share(text: str) -> float:
    return number(text) / (1 << 32)


def from_cloze(id: str, context: str, answers: tuple[str, ...], source: str) -> Probe:
    """A probe from an open sentence: `The capital of France is` also becomes a question, with subject and relation."""
    context = context.strip()
    match = _CLOZE.match(context)
    if match is None:
        subject, relation = _loose(context)
        return Probe(id, f"Complete the sentence: {context} …", answers, subject, relation, source, context)
    relation, link, subject = match["relation"], match["link"], match["subject"]
    question = f"What is the {relation} {link} {subject}?"
    return Probe(id, question, answers, subject, relation if link == "of" else f"{relation} {link}", source, context)


def _loose(context: str) -> tuple[str, str]:
    """Subject and relation of a sentence like `Utah is located in`: where the small letters begin for good."""
    parts = context.split(" ")
    at = len(parts)
    while at > 1 and parts[at - 1][:1].islower():
        at -= 1
    return " ".join(parts[:at]), " ".join(parts[at:])
