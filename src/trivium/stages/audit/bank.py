"""The bank of probes of an audit: from people, documents, files, a writer, and by construction; every drop counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trivium.evals.knowledge.asking import reserve
from trivium.evals.knowledge.probe import Probe
from trivium.evals.knowledge.reading import read_questions, some
from trivium.evals.knowledge.remote import Remote
from trivium.evals.probes import facts_of
from trivium.ground.artifact import Artifact
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.progress import tracked
from trivium.index.documents import Entry, count, entries
from trivium.stages.audit.asked import OpenAuditConfig
from trivium.stages.audit.mining.mentions import exposed, look
from trivium.stages.audit.mining.mining import mine
from trivium.stages.audit.unanswerable import unanswerable
from trivium.stages.audit.writer import write
from trivium.tasks.normal_forms import fold
from trivium.town.world import Town

LONGEST_DOCUMENT = 2_000_000


@dataclass(frozen=True)
class Sources:
    """Where probes come from."""

    corpus: tuple[Path, ...] = ()
    """Documents: a `selected` artifact, files or folders."""
    files: tuple[Path, ...] = ()
    """Questions and answers."""
    town: Artifact | None = None
    """Planted people, and"""
    shards: Artifact | None = None
    """the token shards that say how often they were read."""
    epochs: int = 1
    writer: Remote | None = None


@dataclass
class Bank:
    """What is asked, what serves as shots, what was left out, and what the documents say about each subject."""

    asked: list[Probe] = field(default_factory=list)
    shots: list[Probe] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    documents: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)


def gather(config: OpenAuditConfig, sources: Sources, how: How) -> Bank:
    """The bank. Raises UsageError where no source gives a question that can be answered."""
    dropped: Counter[str] = Counter()
    counted: dict[str, int] = {}
    by_source: dict[str, list[Probe]] = {}
    unwritten: list[Probe] = []
    for path in sources.files:
        for probe in read_questions(path, dropped, config.datasets):
            by_source.setdefault(probe.source, []).append(probe)
    if sources.corpus:
        mined = mine(_documents(sources.corpus, "facts looked for", how))
        dropped.update({f"documents: {reason}": times for reason, times in mined.dropped.items()})
        counted |= {"documents": mined.documents, "statements": mined.statements}
        by_source["documents"] = mined.probes
        if sources.writer is not None and config.written:
            found = write(_documents(sources.corpus, "passages", how), config.written, sources.writer, config.seed, how,
                          dropped)  # fmt: skip
            by_source["written"] = found
    if sources.town is not None:
        by_source["people"], unwritten = people(sources)
    asked, shots = _split(by_source, config)
    if not asked:
        told = ", ".join(f"{times} {reason}" for reason, times in dropped.items()) or "none was given"
        raise UsageError(f"No question can be asked ({told}).", "Give --probes FILE.jsonl or --corpus DOCUMENTS.")
    made = unanswerable([p for p in (*asked, *shots) if p.source != "people"], config.unanswerable, config.data_end,
                        config.seed, _taken(sources.corpus, how))  # fmt: skip
    asked = _named_apart([*asked, *unwritten, *made])
    return _looked_up(Bank(asked, shots, dict(dropped), {}, counted), sources, how)


def people(sources: Sources) -> tuple[list[Probe], list[Probe]]:
    """Planted people as probes: written ones with their exposure, and those whom nobody wrote about."""
    assert sources.town is not None
    town = Town.from_json(sources.town.json("town.json"))
    per_epoch = sources.shards.json("exposure.json")["per_epoch"] if sources.shards is not None else {}
    written: list[Probe] = []
    unwritten: list[Probe] = []
    for group in ("written", "ghost", "stranger"):
        for fact in facts_of(town.group(group), per_epoch, sources.epochs):
            known = group == "written" and fact.exposure > 0
            probe = Probe(
                f"people:{fact.key}", fact.question, (fact.value,) if known else (), fact.person.name, fact.attribute,
                "people", why="" if known else "unwritten", exposure=fact.exposure,
            )  # fmt: skip
            (written if known else unwritten).append(probe)
    return written, unwritten


def _split(by_source: dict[str, list[Probe]], config: OpenAuditConfig) -> tuple[list[Probe], list[Probe]]:
    """What is asked of each source, and its shots: what is not asked anyway, else some that are kept back for it."""
    asked: list[Probe] = []
    shots: list[Probe] = []
    for group in by_source.values():
        able = [probe for probe in group if probe.answerable]
        chosen = some(able, config.limit, config.seed)
        kept = {probe.id for probe in chosen}
        rest = [probe for probe in able if probe.id not in kept]
        if len(rest) < config.asking.shots * config.asking.draws:
            chosen, rest = reserve(able if not rest else chosen, config.asking)
        asked += [*chosen, *(probe for probe in group if not probe.answerable)]
        shots += rest
    return asked, shots


def _named_apart(probes: Sequence[Probe]) -> list[Probe]:
    """The probes, each with an id of its own without tabs: two files may number their rows alike."""
    seen: Counter[str] = Counter()
    found = []
    for probe in probes:
        id = probe.id.replace("\t", " ")
        seen[id] += 1
        found.append(replace(probe, id=id if seen[id] == 1 else f"{id}#{seen[id]}"))
    return found


def _looked_up(bank: Bank, sources: Sources, how: How) -> Bank:
    if sources.corpus:
        found = look(_documents(sources.corpus, "subjects looked up", how), bank.asked)
        bank.asked = exposed(bank.asked, found)
        bank.documents = {id: mentions.documents for id, mentions in found.items() if mentions.documents}
    return bank


def _documents(paths: Sequence[Path], what: str, how: How) -> Any:
    for entry in tracked(entries(paths), what, count(paths), "documents", how):
        how.stop.check(f"while {what}")
        yield Entry(entry.id, entry.title, entry.url, entry.text[:LONGEST_DOCUMENT])


def _taken(paths: Sequence[Path], how: How) -> str:
    """The documents' text, folded, in which no invented name may stand; "" for none."""
    return "\n".join(fold(entry.text) for entry in _documents(paths, "names looked for", how)) if paths else ""
