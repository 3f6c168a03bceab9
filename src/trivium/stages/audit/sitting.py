"""An audit of any model, told in six lines.

1. The bank of probes is gathered: the same from the same files and seed, so that a stopped audit asks the same.
2. All wishes go to the model in one run; each answer is written as it comes, so that nothing is asked twice.
3. Each probe gets a record with a label: the map.
4. From labels come conversations, refusals and true answers, and their shuffled control.
5. Figures come with intervals, by side of each split, beside other audits of the same probes.
6. All of it is sealed: map, figures, conversations, page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

from trivium.evals.knowledge import measures
from trivium.evals.knowledge.asking import Said, Shots, Speaker, wishes_of
from trivium.evals.knowledge.mapping import LABELS, Record, from_json, record
from trivium.evals.knowledge.probe import Probe, split_of
from trivium.ground.artifact import MANIFEST, Artifact, Label, open_artifact, sealing
from trivium.ground.atomic import read_json, write_atomic, write_json
from trivium.ground.config import digest
from trivium.ground.errors import ArtifactError, UsageError
from trivium.ground.how import How
from trivium.ground.log import JsonLog, read_jsonl, write_jsonl
from trivium.ground.progress import Progress
from trivium.pages.audit import page
from trivium.stages.audit.asked import OPEN_FORMAT, OpenAuditConfig
from trivium.stages.audit.bank import Bank
from trivium.stages.audit.config import STAGE
from trivium.stages.audit.lessons import lessons

WORST = 10
PLAN, ANSWERS = "plan.json", "answers.jsonl"


@dataclass(frozen=True)
class Audited:
    """Who is audited: a name for people, and what makes it this one and no other."""

    name: str
    fingerprint: str
    """A model artifact's id, or a hash of URL and the model's name there."""


@dataclass(frozen=True)
class Other:
    """An earlier audit of the same probes."""

    name: str
    summary: Mapping[str, Any]
    records: Mapping[str, Record]


def label_of(config: OpenAuditConfig, who: Audited, probes: Sequence[Probe], base: Other | None) -> Label:
    """The label of the artifact that `sit` would seal."""
    asked = digest([probe.to_json() for probe in probes])
    marks = {"model": who.fingerprint, "probes": asked}
    if base is not None:
        marks["base"] = digest([[r.probe.id, r.label, r.wrong] for r in base.records.values()])
    return Label("audit", STAGE, OPEN_FORMAT, config, fingerprints=marks)


def sit(
    config: OpenAuditConfig, who: Audited, speaker: Speaker, bank: Bank, out: Path, how: How,
    base: Other | None = None, others: Sequence[Other] = (),
) -> Artifact:  # fmt: skip
    """Ask everything in the bank and seal the audit at `out`. Answers wait in `<out>.work/` until then.

    `base` is an earlier audit, of the model before it was taught to refuse: what counts as known is then read from its
    map. `others` are shown beside. Raises Stopped, and UsageError where `out` holds another audit's unfinished answers.
    """
    label = label_of(config, who, bank.asked, base)
    work = out.with_name(out.name + ".work")
    answers = ask(config, speaker, bank, work, label.id, how)
    records = [record(probe, answers, config.asking, speaker.chat) for probe in bank.asked]
    summary = summarise(config, who, speaker.chat, records, bank, base, others)
    taught, shuffled = lessons(records, config)
    summary["conversations"] = dict(Counter(line["kind"] for line in taught))
    with sealing(out, label, headline(summary)) as folder:
        write_jsonl(folder / "map.jsonl", (_line(one, config, bank) for one in records))
        write_jsonl(folder / "shots.jsonl", (probe.to_json() for probe in bank.shots[:2000]))
        write_jsonl(folder / "refusals.jsonl", taught)
        write_jsonl(folder / "refusals_shuffled.jsonl", shuffled)
        write_json(folder / "summary.json", summary)
        write_atomic(folder / "audit.html", page(summary).encode())
    rmtree(work, ignore_errors=True)
    return open_artifact(out, "audit")


def ask(config: OpenAuditConfig, speaker: Speaker, bank: Bank, work: Path, id: str, how: How) -> dict[str, Said]:
    """Every answer by its key: those written down already, and those that were still wanted."""
    if (work / PLAN).is_file() and read_json(work / PLAN) != {"id": id}:
        raise UsageError(f"{work} holds answers of another audit.", "Give another --out, or remove that folder.")
    write_json(work / PLAN, {"id": id})
    wishes = wishes_of(bank.asked, Shots(bank.shots, config.asking), config.asking, speaker.chat)
    answers: dict[str, Said] = {}
    with JsonLog(work / ANSWERS) as log:
        for line in read_jsonl(work / ANSWERS):
            answers[line["key"]] = Said(line["text"], line["tokens"], line["logprob"], line["finish"])
        left = [wish for wish in wishes if wish.key not in answers]
        with Progress("audit", len(wishes), "answers", how, done=len(wishes) - len(left)) as bar:

            def told(key: str, said: Said) -> None:
                log.write({"key": key, **said.to_json()})
                answers[key] = said
                bar.advance()

            speaker.say(left, told)
    return answers


def summarise(
    config: OpenAuditConfig, who: Audited, chat: bool, records: Sequence[Record], bank: Bank,
    base: Other | None, others: Sequence[Other],
) -> dict[str, Any]:  # fmt: skip
    """The content of `summary.json`."""
    knew = base.records if base is not None else {}
    columns = measures.columns(records, knew, config.held_out, config.seed)
    own = {"name": who.name, "mode": "chat" if chat else "base", "columns": columns}
    worst = sorted(
        (r for r in records if r.label == "confidently-wrong" and r.probe.answerable),
        key=lambda r: (-r.mass, r.entropy, -(r.probe.exposure or 0), r.probe.id),
    )[:WORST]
    stages = [*([base] if base is not None else []), *others]
    return {
        **own,
        "probes": len(records),
        "sources": dict(Counter(r.probe.source for r in records)),
        "asking": vars(config.asking),
        "labels": _labels(records),
        "labels_by_source": {s: _labels([r for r in records if r.probe.source == s])
                             for s in dict.fromkeys(r.probe.source for r in records)},
        "guesser": measures.guesser(records),
        "detectors": measures.detectors(records),
        "calibration": measures.calibration(records),
        "exposure": measures.by_exposure(records),
        "stages": [*({"name": o.name, **{key: o.summary[key] for key in ("mode", "columns")}} for o in stages), own],
        "worst": [{"question": r.probe.question, "answers": list(r.probe.answers), "said": r.top, "mass": r.mass,
                   "exposure": r.probe.exposure, "documents": bank.documents.get(r.probe.id, [])} for r in worst],
        "dropped": bank.dropped,
        "corpus": bank.counted,
        "known_from": base.name if base is not None else who.name,
    }  # fmt: skip


def headline(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that a run prints: plain numbers, those without items left out."""
    every = summary["columns"]["all"]
    figures = {name: every[name]["value"] for name in ("accuracy", "hallucination", "abstained", "refusal_index")}
    figures["auroc"] = summary["detectors"]["answerable"]["agreement"]["value"]
    return {name: round(value, 4) for name, value in figures.items() if value is not None}


def read_other(folder: Path, name: str = "") -> Other:
    """An earlier audit. Raises ArtifactError for a folder that is none of these."""
    audit = open_artifact(folder, "audit")
    try:
        summary = audit.json("summary.json")
        records = {line["id"]: from_json(line) for line in read_jsonl(audit.file("map.jsonl"))}
        return Other(name or str(summary["name"]), summary, records)
    except (ValueError, KeyError, TypeError) as error:
        what = f"{folder} is not an audit of `trivium audit MODEL`: {error!r}."
        raise ArtifactError(what, "Give the --out folder of an earlier one.") from error


def is_there(out: Path, label: Label) -> bool:
    """Whether this audit is sealed at `out` already. Raises UsageError where something else is."""
    if not (out / MANIFEST).is_file():
        if out.exists() and any(out.iterdir()):
            raise UsageError(f"{out} holds something else than an audit.", "Give another --out.")
        return False
    there = open_artifact(out)
    if there.kind != "audit":
        raise UsageError(f"{out} holds a {there.kind}.", "Give another --out.")
    return there.id == label.id


def _labels(records: Sequence[Record]) -> dict[str, int]:
    counts = Counter(one.label for one in records)
    return {name: counts[name] for name in LABELS}


def _line(one: Record, config: OpenAuditConfig, bank: Bank) -> dict[str, Any]:
    line = {**one.to_json(), "split": split_of(one.probe, config.held_out, config.seed)}
    return line | {"documents": bank.documents.get(one.probe.id, [])}
