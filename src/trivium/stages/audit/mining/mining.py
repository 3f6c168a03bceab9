"""From documents to probes: every statement that the rules find, merged; what is ambiguous is rejected and counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from trivium.evals.knowledge.probe import Probe
from trivium.index.documents import Entry
from trivium.stages.audit.mining.patterns import Statement, sentences, statements
from trivium.tasks.matching import names_one
from trivium.tasks.normal_forms import fold, normal

LONGEST_VALUE = 8
"""Words of a value."""


@dataclass
class Mined:
    """What a corpus gave: probes, and how many statements were left out, by reason."""

    probes: list[Probe] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    documents: int = 0
    statements: int = 0


def mine(entries: Iterable[Entry]) -> Mined:
    """The probes of these documents, one for each subject and relation with one answer, in order of appearance.

    A statement made again counts as exposure. Answers that name one another (`1879`, `14 March 1879`) are one: the one
    stated most is asked for, the others are aliases. Several that do not are ambiguous.
    """
    mined = Mined()
    groups: dict[tuple[str, str], list[tuple[Statement, str]]] = defaultdict(list)
    for entry in entries:
        mined.documents += 1
        seen: set[tuple[str, str, str, int]] = set()
        for place, sentence in sentences(entry.text):
            for found in statements(place, sentence):
                if isinstance(found, str):
                    mined.dropped[found] += 1
                    continue
                key = (found.relation, fold(found.subject), " ".join(normal(found.value)))
                if not 1 <= len(normal(found.value)) <= LONGEST_VALUE or normal(found.value) == normal(found.subject):
                    mined.dropped["no value"] += 1
                elif (*key, place) not in seen:
                    seen.add((*key, place))
                    mined.statements += 1
                    groups[key[:2]].append((found, entry.id))
    for group in groups.values():
        probe = _merged(group)
        if probe is None:
            mined.dropped["several answers"] += len(group)
        else:
            mined.probes.append(probe)
    mined.probes = _one_question(mined.probes, mined.dropped)
    return mined


def _merged(group: list[tuple[Statement, str]]) -> Probe | None:
    """The probe of statements about one subject and relation; None where they answer differently."""
    counts = Counter(statement.value for statement, _ in group)
    most = counts.most_common(1)[0][0]
    for value in counts:
        if not (names_one(value, (most,)) or names_one(most, (value,))):
            return None
    first, document = next((s, d) for s, d in group if s.value == most)
    id = f"{first.relation}|{first.subject}"
    answers = (most, *(value for value in counts if value != most))
    return Probe(
        id, first.question, answers, first.subject, first.relation, "documents",
        document=document, start=first.start, end=first.end, exposure=len(group),
    )  # fmt: skip


def _one_question(probes: list[Probe], dropped: Counter[str]) -> list[Probe]:
    """Probes whose question gives no answer away and is asked once."""
    kept, asked = [], set[str]()
    for probe in probes:
        if fold(probe.question) in asked:
            dropped["several answers"] += 1
        elif all(set(normal(answer)) <= set(normal(probe.question)) for answer in probe.answers):
            dropped["answer in the question"] += 1
        else:
            asked.add(fold(probe.question))
            kept.append(replace(probe))
    return kept
