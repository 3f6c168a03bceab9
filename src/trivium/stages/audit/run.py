"""No concept of "I don't know", told in ten lines.

1. Everybody in town is asked about, all six facts each: written people, ghosts (never written), some strangers (same).
2. How often the model read each fact is known exactly: counted in the token shards, times epochs.
3. A base model completes sentences and goes on with lists of answered questions, greedily and some times by chance.
4. It never says that it does not know. So what it knows is read from whether its answers agree, and are true.
5. Each fact gets a label: known, weak, unknown, or confidently wrong, which is the dangerous kind.
6. Recall, asked in words that it never read, is laid out by exposure beside guessers who know only frequencies.
7. From the labels come conversations: refusals where the model does not know, true answers where it does.
8. They concern strangers and the train half of the written people. Ghosts and the other half stay for the test.
9. A chat model is asked the same, once: does it invent facts about ghosts, and does it refuse what it knows well?
10. Every figure has its interval; every single answer is kept in `map.jsonl`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trivium.evals.probes import Fact, ShotDrawer, ask_base, ask_chat, complete, facts_of, manner_of, pieces
from trivium.generate.engine import Engine
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.how import How
from trivium.ground.log import read_jsonl, write_jsonl
from trivium.ground.progress import Progress
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model
from trivium.stages.audit import records
from trivium.stages.audit.config import FORMAT, STAGE, AuditConfig
from trivium.stages.audit.refusals import refusal_set
from trivium.stages.audit.summary import base_summary, chat_summary, headline
from trivium.text.tokenizer import Tokenizer
from trivium.town.world import Person, Town


def label_of(config: AuditConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal."""
    return Label("audit", STAGE, FORMAT, config, parents_of(inputs))


def run(config: AuditConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Ask `inputs["model"]` about everybody in `inputs["town"]` and seal the map of what it knows at `out`.

    `inputs["shards"]` says what it has read. With `inputs["base_audit"]` a chat model's figures are also given for the
    facts that its base model knew. Raises Stopped when asked to stop.
    """
    model, town = inputs["model"], Town.from_json(inputs["town"].json("town.json"))
    manner = manner_of(model, config.mode)
    per_epoch = inputs["shards"].json("exposure.json")["per_epoch"]
    facts = facts_of(asked_people(town, config.strangers), per_epoch, config.epochs)
    device = settle(how)
    engine, tokenizer = Engine(load_model(model.path, device, pick_dtype(device))), Tokenizer.open(model.path)
    figures: dict[str, Any] = {}
    with sealing(out, label_of(config, inputs), figures) as folder:
        found: Sequence[records.BaseRecord] | Sequence[records.ChatRecord]
        if manner == "base":
            found = audit_base(engine, tokenizer, facts, config, how)
            conversations = refusal_set(town, found, config)
            summary = base_summary(town, found, conversations, config)
            write_jsonl(folder / "refusals.jsonl", conversations)
        else:
            found = audit_chat(engine, tokenizer, facts, config, how)
            summary = chat_summary(town, found, config, known_to_base(inputs.get("base_audit")))
        write_jsonl(folder / "map.jsonl", (record.to_json() for record in found))
        write_json(folder / "summary.json", summary)
        figures |= headline(summary)
    return open_artifact(out, "audit")


def asked_people(town: Town, strangers: int) -> list[Person]:
    """Everybody with pages, every ghost, and the first so many strangers."""
    return [*town.group("written"), *town.group("ghost"), *town.group("stranger")[:strangers]]


def audit_base(
    engine: Engine, tokenizer: Tokenizer, facts: Sequence[Fact], config: AuditConfig, how: How
) -> list[records.BaseRecord]:
    """What a base model completes and answers, one record a fact."""
    shots = ShotDrawer(facts, config.well_known_exposure, config.shots, config.seed)
    found = []
    with Progress("audit", len(facts) * (3 + config.samples), "answers", how) as bar:
        for piece in pieces(facts):
            how.stop.check("during the audit")
            clozes = complete(engine, tokenizer, piece, config.answer_tokens, config.seed, bar)
            asked = ask_base(engine, tokenizer, piece, shots, config.answer_tokens, bar=bar)
            familiar = ask_base(
                engine,
                tokenizer,
                piece,
                shots,
                config.answer_tokens,
                config.samples,
                config.temperature,
                familiar=True,
                bar=bar,
            )
            found += [records.BaseRecord.of(*row) for row in zip(piece, clozes, asked, familiar, strict=True)]
    return found


def audit_chat(
    engine: Engine, tokenizer: Tokenizer, facts: Sequence[Fact], config: AuditConfig, how: How
) -> list[records.ChatRecord]:
    """What a chat model replies, one record a fact."""
    found = []
    with Progress("audit", len(facts), "replies", how) as bar:
        for piece in pieces(facts):
            how.stop.check("during the audit")
            replies = ask_chat(engine, tokenizer, piece, config.reply_tokens, bar)
            found += [records.ChatRecord.of(*row) for row in zip(piece, replies, strict=True)]
    return found


def known_to_base(audit: Artifact | None) -> frozenset[str] | None:
    """The keys of the facts that a base model's audit labelled known; None without one."""
    if audit is None:
        return None
    lines = read_jsonl(audit.file("map.jsonl"))
    return frozenset(f"{line['person']}/{line['attribute']}" for line in lines if line.get("label") == "known")
