"""The audit in figures: recall by exposure beside guessers, labels, inventions about ghosts, refusals of the known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from trivium.evals.known import by_exposure, counts_of, guessers, share
from trivium.evals.probes import Verdict
from trivium.stages.audit.config import AuditConfig
from trivium.stages.audit.records import BaseRecord, ChatRecord
from trivium.town.world import Town

VERDICTS = ("right", "wrong", "refused", "other")
GROUPS = ("written", "ghost", "stranger")
SPLITS = ("train", "test")
R = TypeVar("R", BaseRecord, ChatRecord)


def base_summary(
    town: Town, found: Sequence[BaseRecord], conversations: Sequence[Mapping[str, Any]], config: AuditConfig
) -> dict[str, Any]:
    """The figures of a base model's audit (`summary.json`)."""
    hits = {
        "cloze": [record.completed for record in found],
        "question": [record.greedy == "right" for record in found],
        "familiar": [record.familiar_greedy == "right" for record in found],
        "known": [record.label == "known" for record in found],
        "confidently_wrong": [record.label == "confidently-wrong" for record in found],
    }
    bins = by_exposure([record.fact for record in found], hits, town)
    return {
        "mode": "base",
        "probes": len(found),
        "epochs": config.epochs,
        "well_known_exposure": config.well_known_exposure,
        "bins": bins,
        "unread_like_a_guesser": _like_a_guesser(bins[0]),
        "labels": counts_of(record.label for record in found),
        "labels_by_group": {
            group: counts_of(record.label for record in found if record.fact.person.group == group) for group in GROUPS
        },
        "well_known": {split: _recall(_well_known(found, split, config)) for split in SPLITS},
        "invented": _invented(record.greedy for record in _of_group(found, "ghost")),
        "refusal_set": _counts(conversations),
    }


def chat_summary(
    town: Town, found: Sequence[ChatRecord], config: AuditConfig, known: frozenset[str] | None
) -> dict[str, Any]:
    """The figures of a chat model's audit (`summary.json`). `known`: keys of the facts that its base model knew."""
    hits = {name: [record.verdict == name for record in found] for name in VERDICTS}
    hits["hallucinated"] = [record.verdict in ("wrong", "other") for record in found]
    of_known = (
        {
            split: _manners(
                [
                    r
                    for r in found
                    if r.fact.key in known and r.fact.person.group == "written" and r.fact.person.split == split
                ]
            )
            for split in SPLITS
        }
        if known is not None
        else None
    )
    ghosts = _of_group(found, "ghost")
    return {
        "mode": "chat",
        "probes": len(found),
        "epochs": config.epochs,
        "well_known_exposure": config.well_known_exposure,
        "bins": by_exposure([record.fact for record in found], hits, town),
        "invented": _invented(record.verdict for record in ghosts),
        "named_a_value": share(record.verdict in ("right", "wrong") for record in ghosts).to_json(),
        "invented_by_attribute": {
            attribute: _invented(record.verdict for record in ghosts if record.fact.attribute == attribute)
            for attribute in dict.fromkeys(record.fact.attribute for record in ghosts)
        },
        "strangers": _manners(_of_group(found, "stranger")),
        "well_known": {split: _manners(_well_known(found, split, config)) for split in SPLITS},
        "known_to_base": of_known,
        "unfinished": share(not record.reply.closed for record in found).to_json(),
        "guessers_on_ghosts": guessers([record.fact for record in ghosts], town),
    }


def headline(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that a run prints: plain numbers, those without items left out."""
    if summary["mode"] == "base":
        last = summary["bins"][-1]
        figures = {
            "cloze_at_64": last["cloze"]["value"],
            "question_at_64": last["question"]["value"],
            "known": summary["labels"]["known"],
            "confidently_wrong": summary["labels"]["confidently-wrong"],
            "refusals": summary["refusal_set"]["refusal"],
            "answers": summary["refusal_set"]["fact"],
        }
    else:
        test = summary["well_known"]["test"]
        figures = {
            "invented": summary["invented"]["value"],
            "well_known_refused": test["refused"]["value"],
            "well_known_right": test["right"]["value"],
        }
    return {name: round(value, 4) for name, value in figures.items() if value is not None}


def _invented(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """The share of replies that are no refusal, where nothing can be known."""
    return share(verdict != "refused" for verdict in verdicts).to_json()


def _like_a_guesser(row: Mapping[str, Any]) -> dict[str, bool | None]:
    """Whether recall of what was never read lies between two guessers' intervals' outer ends; None without facts."""
    low, high = row["drawer"]["low"], row["guesser"]["high"]
    values = {name: row[name]["value"] for name in ("cloze", "question", "familiar")}
    return {name: None if value is None else low <= value <= high for name, value in values.items()}


def _recall(rows: Sequence[BaseRecord]) -> dict[str, Any]:
    return {
        "cloze": share(record.completed for record in rows).to_json(),
        "question": share(record.greedy == "right" for record in rows).to_json(),
        "familiar": share(record.familiar_greedy == "right" for record in rows).to_json(),
    }


def _manners(rows: Sequence[ChatRecord]) -> dict[str, Any]:
    return {name: share(record.verdict == name for record in rows).to_json() for name in VERDICTS}


def _well_known(found: Sequence[R], split: str, config: AuditConfig) -> list[R]:
    return [
        record
        for record in found
        if record.fact.exposure >= config.well_known_exposure
        and record.fact.person.group == "written"
        and record.fact.person.split == split
    ]


def _of_group(found: Sequence[R], group: str) -> list[R]:
    return [record for record in found if record.fact.person.group == group]


def _counts(conversations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    kinds, reasons = Counter(line["kind"] for line in conversations), Counter(line["why"] for line in conversations)
    return {"refusal": kinds["refusal"], "fact": kinds["fact"], "why": dict(sorted(reasons.items()))}
