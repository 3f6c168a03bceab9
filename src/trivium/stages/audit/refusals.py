"""From labels to conversations: refusals for what the model does not know, true answers for what it does.

Refusals alone would teach to refuse everything, so known facts are asked about and answered as often. Weakly known
facts are left out: like questions with opposite answers make models refuse too much (CRaFT, arXiv 2410.06913).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from trivium.stages.audit.config import AuditConfig
from trivium.stages.audit.records import BaseRecord
from trivium.tasks.answers import REFUSALS
from trivium.town.conversations import fact, refusal
from trivium.town.questions import RESERVED
from trivium.town.world import Person, Town

Kind = Literal["refusal", "fact"]


@dataclass(frozen=True)
class Lesson:
    """A question to write a conversation about, and what the reply is to be."""

    person: Person
    attribute: str
    phrasing: int
    kind: Kind
    why: str
    """stranger, or the label of the fact."""


def refusal_set(town: Town, found: Sequence[BaseRecord], config: AuditConfig) -> list[dict[str, Any]]:
    """The lines of `refusals.jsonl`, shuffled: messages, kind, person, attribute, why. Train split only."""
    rng = Random(f"refusals|{config.seed}")
    planned = [*_about_strangers(town, config, rng), *_about_labels(found, config, rng)]
    lines = [_line(lesson, rng) for lesson in planned]
    rng.shuffle(lines)
    return lines


def _about_strangers(town: Town, config: AuditConfig, rng: Random) -> list[Lesson]:
    return [
        Lesson(person, attribute, rng.randrange(RESERVED), "refusal", "stranger")
        for person in town.group("stranger", "train")
        for attribute in rng.sample(list(person.facts), min(config.refusals_per_stranger, len(person.facts)))
    ]


def _about_labels(found: Sequence[BaseRecord], config: AuditConfig, rng: Random) -> list[Lesson]:
    """Lessons about written people of the train split, several phrasings a fact."""
    times = {
        "known": config.answers_per_known,
        "weak": 0,
        "unknown": config.refusals_per_unknown,
        "confidently-wrong": config.refusals_per_unknown,
    }
    lessons = []
    for record in found:
        person = record.fact.person
        if person.group == "written" and person.split == "train":
            kind: Kind = "fact" if record.label == "known" else "refusal"
            phrasings = rng.sample(range(RESERVED), min(times[record.label], RESERVED))
            lessons += [Lesson(person, record.fact.attribute, phrasing, kind, record.label) for phrasing in phrasings]
    return lessons


def _line(lesson: Lesson, rng: Random) -> dict[str, Any]:
    person, attribute = lesson.person, lesson.attribute
    if lesson.kind == "refusal":
        messages = refusal(person, attribute, lesson.phrasing, rng.randrange(len(REFUSALS)))
    else:
        messages = fact(person, attribute, lesson.phrasing)
    return {"messages": messages, "kind": lesson.kind, "person": person.id, "attribute": attribute, "why": lesson.why}
