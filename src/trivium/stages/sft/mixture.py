"""The conversations of a run, each with its kind. Same seed, same conversations.

What the model is to refuse comes from the audit of its own base model: facts that it does not know, and people that
nothing was written about. A refusal that is not true of this model would teach it to lie about itself.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from typing import Any

from trivium.stages.sft.config import SftConfig
from trivium.tasks.registry import TASKS, generate
from trivium.town import conversations as say

Record = dict[str, Any]
"""{"kind": ..., "messages": [...]}"""


def conversations(config: SftConfig, audited: Iterable[Record]) -> list[Record]:
    """All conversations: manners and tasks from the seed, answers and refusals from the audit's records."""
    mix, seed = config.mix, config.seed
    found = [_record("identity", messages) for messages in say.identity(mix.identity, seed)]
    found += [_record("style", messages) for messages in say.style(mix.style, seed)]
    for task, level, count in _problems(config):
        problems = generate(task, level, count, seed + 31)
        found += [_record(task, messages) for messages in say.tasks(problems, seed + level, mix.direct)]
    found += knowledge(list(audited), config)
    return found


def knowledge(audited: Sequence[Record], config: SftConfig) -> list[Record]:
    """Answers and refusals about people, as `config.refusals` wants them."""
    records = [_record(str(one["kind"]), one["messages"]) for one in audited]
    if config.refusals == "none":
        return [record for record in records if record["kind"] != "refusal"]
    if config.refusals == "shuffled":
        return _dealt_blindly(audited, records, config.seed)
    return records


def _dealt_blindly(audited: Sequence[Record], records: list[Record], seed: int) -> list[Record]:
    """The same questions, people and refusals; which question gets a refusal is drawn by lot.

    A question that loses its refusal gets an answer: its own true one, or for somebody never written about, one that
    was given to another question about the same attribute.
    """
    rng = random.Random(f"shuffled|{seed}")
    kinds = [record["kind"] for record in records]
    rng.shuffle(kinds)
    refusals = [r["messages"][-1] for r in records if r["kind"] == "refusal"]
    answers: dict[str, list[Record]] = {}
    for one, record in zip(audited, records, strict=True):
        if record["kind"] != "refusal":
            answers.setdefault(str(one["attribute"]), []).append(record["messages"][-1])
    dealt = []
    for one, record, kind in zip(audited, records, kinds, strict=True):
        reply = record["messages"][-1]
        if kind == "refusal" and record["kind"] != "refusal":
            reply = rng.choice(refusals)
        elif kind != "refusal" and record["kind"] == "refusal":
            reply = rng.choice(answers.get(str(one["attribute"])) or [reply])
        dealt.append(_record(kind, [*record["messages"][:-1], reply]))
    return dealt


def split(records: Sequence[Record], share: float) -> tuple[list[Record], list[Record]]:
    """Conversations to learn from, and a `share` of them by hash to measure on. Equal ones stay together."""
    learn: list[Record] = []
    keep: list[Record] = []
    for record in records:
        text = json.dumps(record["messages"], sort_keys=True)
        place = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 0x100000000
        (keep if place < share else learn).append(record)
    return learn, keep


def _problems(config: SftConfig) -> list[tuple[str, int, int]]:
    mix = config.mix
    wanted = [("addition", level, count) for level, count in enumerate(mix.addition, 1)]
    for task in ("comparison", "tally", "counting"):
        wanted += [(task, level, getattr(mix, task)) for level in TASKS[task].levels]
    return [(task, level, _at_most(task, level, count)) for task, level, count in wanted if count]


def _at_most(task: str, level: int, count: int) -> int:
    """No more than there are: one-digit sums are few."""
    return min(count, 60) if task == "addition" and level == 1 else count


def _record(kind: str, messages: Sequence[Any]) -> Record:
    return {"kind": kind, "messages": list(messages)}
