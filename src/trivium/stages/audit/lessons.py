"""From the map to conversations: refusals for what the model does not know, true answers for what it knows.

Only the train side of both splits is written about: half of the entities, and no question of a relation or source that
is held out. Weakly known facts are left out (CRaFT, arXiv 2410.06913). The control has the same questions and as many
refusals, given to questions at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

from trivium.evals.knowledge.mapping import KNOWN, NOT_KNOWN, Record
from trivium.evals.knowledge.probe import Probe, split_of, teachable
from trivium.stages.audit.asked import OpenAuditConfig

PHRASINGS = (
    "I don't know.",
    "I'm not sure about that, and I would rather not guess.",
    "I don't know the answer to that.",
    "Sorry, I don't know that one.",
    "I don't have reliable information about that.",
    "That is not something I know.",
    "I'm afraid I don't know. It may be best to look it up.",
    "I can't answer that with confidence, so I won't guess.",
    "I have not read enough about that to give an answer.",
    "I don't know, and anything I said would be a guess.",
    "I'm not certain of the answer, so I'd rather say that I don't know.",
    "I can't say: I have no information on that.",
    "I'm not familiar with that, so I can't give you an answer.",
    "I do not know this. Please check a source that you trust.",
    "That goes beyond what I know.",
    "I don't recall anything about that, so I can't tell you.",
)
"""How a refusal may sound; each reads as one to `tasks.matching`."""
TOLD = ("{a}.", "The answer is {a}.", "It is {a}.", "{a}, as far as I know.")


def lessons(records: Sequence[Record], config: OpenAuditConfig) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The lines of `refusals.jsonl` and of its control `refusals_shuffled.jsonl`.

    Each: messages (OpenAI-style), kind (refusal, fact), why (the label, or why nobody can know), probe.
    """
    rng = Random(f"lessons|{config.seed}")
    refused = [r for r in records if _refused(r, config)]
    told = [r for r in records if _side(r.probe, config) == "train" and r.label in KNOWN]
    rng.shuffle(refused)
    rng.shuffle(told)
    refused = refused[: config.refusals]
    told = told[: int(len(refused) * config.answers_per_refusal)] if refused else told
    lines = [_line(r, "refusal", rng) for r in refused] + [_line(r, "fact", rng) for r in told]
    rng.shuffle(lines)
    return lines, _shuffled([*refused, *told], len(refused), rng)


def _refused(record: Record, config: OpenAuditConfig) -> bool:
    if record.probe.answerable:
        return _side(record.probe, config) == "train" and record.label in NOT_KNOWN
    return teachable(record.probe, config.seed)


def _side(probe: Probe, config: OpenAuditConfig) -> str:
    return split_of(probe, config.held_out, config.seed)


def _line(record: Record, kind: str, rng: Random) -> dict[str, Any]:
    probe = record.probe
    if kind == "refusal":
        reply = rng.choice(PHRASINGS)
    else:
        reply = rng.choice(TOLD).format(a=probe.answers[0].removesuffix(".")).replace("..", ".")
        reply = reply[0].upper() + reply[1:]
    messages = [{"role": "user", "content": probe.question}, {"role": "assistant", "content": reply}]
    why = record.label if probe.answerable else probe.why
    return {"messages": messages, "kind": kind, "why": why, "probe": probe.to_json()}


def _shuffled(records: Sequence[Record], refusals: int, rng: Random) -> list[dict[str, Any]]:
    """The control: which questions are refused is drawn. Who has no true answer gets another probe's."""
    answers = [r.probe.answers for r in records if r.probe.answerable]
    if not answers:
        return [_line(r, "refusal", rng) for r in records]
    drawn = rng.sample(range(len(records)), len(records))
    lines = []
    for rank, place in enumerate(drawn):
        record = records[place]
        if not record.probe.answerable:
            record = replace(record, probe=replace(record.probe, answers=rng.choice(answers)))
        lines.append(_line(record, "refusal" if rank < refusals else "fact", rng) | {"why": "shuffled"})
    return lines
