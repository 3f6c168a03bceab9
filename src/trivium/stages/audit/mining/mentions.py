"""How often the corpus states a fact, and which documents mention its subject: one pass over its sentences.

A statement is a sentence that holds the subject and a true answer. Words are looked up by n-grams, so the time is that
of reading, whatever the number of probes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from trivium.evals.knowledge.probe import Probe
from trivium.index.documents import Entry
from trivium.stages.audit.mining.patterns import sentences
from trivium.tasks.normal_forms import words

MOST = 5
"""Documents that are kept for each probe."""
LONGEST = 8
"""Words of a subject that is looked for."""
LONGEST_SENTENCE = 400


@dataclass
class Mentions:
    """What was found for one probe."""

    statements: int = 0
    subject: int = 0
    """Sentences that mention the subject."""
    documents: list[dict[str, str]] = field(default_factory=list)
    """Some documents that mention it: id, title, sentence; those that state the fact first."""


def look(entries: Iterable[Entry], probes: Sequence[Probe]) -> dict[str, Mentions]:
    """Probe id -> what the documents say about it. Probes without a subject are not looked for."""
    found = {probe.id: Mentions() for probe in probes if _form(probe.subject)}
    by_subject: dict[tuple[str, ...], list[Probe]] = defaultdict(list)
    for probe in probes:
        if form := _form(probe.subject):
            by_subject[form].append(probe)
    sizes = sorted({len(form) for form in by_subject})
    firsts: set[str] = {form[0] for form in by_subject}
    for entry in entries:
        for _, sentence in sentences(entry.text):
            forms = [word.form for word in words(sentence[:LONGEST_SENTENCE])]
            for at, first in enumerate(forms):
                if first in firsts:
                    for size in sizes:
                        for probe in by_subject.get(tuple(forms[at : at + size]), ()):
                            _note(found[probe.id], probe, entry, sentence, forms)
    return found


def _note(mentions: Mentions, probe: Probe, entry: Entry, sentence: str, forms: list[str]) -> None:
    states = any(_holds(forms, _form(answer)) for answer in probe.answers)
    mentions.subject += 1
    mentions.statements += states
    line = {"id": entry.id, "title": entry.title, "sentence": sentence}
    if all(one["id"] != entry.id for one in mentions.documents):
        mentions.documents.insert(0 if states else len(mentions.documents), line)
        del mentions.documents[MOST:]


def _form(text: str) -> tuple[str, ...]:
    form = tuple(word.form for word in words(text))
    return form if len(form) <= LONGEST else ()


def _holds(forms: list[str], form: tuple[str, ...]) -> bool:
    size = len(form)
    return bool(form) and any(tuple(forms[i : i + size]) == form for i in range(len(forms) - size + 1))


def exposed(probes: Sequence[Probe], found: dict[str, Mentions]) -> list[Probe]:
    """The probes with their exposure, where it was not known: how many sentences state the fact."""
    return [
        replace(probe, exposure=max(probe.exposure or 0, found[probe.id].statements))
        if probe.answerable and probe.id in found and probe.source != "people"
        else probe
        for probe in probes
    ]
