"""A base model whose knowledge is scripted by exposure: labels, recall and the refusal set come out as constructed."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from trivium.evals.known import BINS, bin_name
from trivium.evals.probes import facts_of
from trivium.ground.errors import ConfigError, Stopped, UsageError
from trivium.ground.how import How
from trivium.stages.audit.config import AuditConfig
from trivium.stages.audit.refusals import refusal_set
from trivium.stages.audit.run import asked_people, audit_base
from trivium.stages.audit.summary import base_summary, headline
from trivium.tasks.answers import is_refusal
from trivium.town.conversations import Conversation
from trivium.town.names import VALUES
from trivium.town.questions import RESERVED, is_right, question

CONFIG = AuditConfig(strangers=5, epochs=2)
EXPOSED = (0, 1, 4, 8, 16, 40)
"""Statements an epoch, dealt to the written people in turn: with two epochs one for each bin."""


@pytest.fixture
def per_epoch(small_town) -> dict[str, int]:
    return {f"{p.id}/{a}": EXPOSED[i % 6] for i, p in enumerate(small_town.group("written")) for a in p.facts}


@pytest.fixture
def facts(small_town, per_epoch):
    return facts_of(asked_people(small_town, CONFIG.strangers), per_epoch, CONFIG.epochs)


@pytest.fixture
def found(facts, byte_tokenizer, scripted, who_is_asked):
    """Of exposure 64 and more known, 13 to 63 weak, 1 to 12 confidently wrong, 0 different answers each time.

    The sentence is completed from 8 on, the question in reserved words answered from 32 on.
    """
    exposure = {fact.key: fact.exposure for fact in facts}
    asked: Counter[str] = Counter()

    def script(prompt: str, request) -> str:
        fact, how = who_is_asked(prompt)
        wrong = [value for value in VALUES[fact.attribute] if value != fact.value]
        seen, greedy = exposure[fact.key], request.temperature == 0
        if how == "cloze":
            return f" {fact.value} and more" if seen >= 8 else f" {wrong[0]}."
        if how == "question":
            assert greedy
            return f" {fact.value}." if seen >= 32 else f" {wrong[0]}."
        asked[fact.key] += 1
        if seen >= 64 or (greedy and seen >= 13):
            return f" {fact.value}.\nQuestion: more"
        return f" {wrong[0 if 0 < seen < 13 else asked[fact.key]]}."

    return audit_base(scripted(script), byte_tokenizer, facts, CONFIG, How(progress=False))


def expected_label(exposure: int) -> str:
    return "known" if exposure >= 64 else "weak" if exposure >= 13 else "confidently-wrong" if exposure else "unknown"


def test_labels_are_as_constructed(found) -> None:
    assert len(found) == (24 + 6 + 5) * 6
    for record in found:
        assert record.label == expected_label(record.fact.exposure)


def test_summary_is_as_constructed(small_town, found) -> None:
    summary = base_summary(small_town, found, refusal_set(small_town, found, CONFIG), CONFIG)
    rows = {row["bin"]: row for row in summary["bins"]}
    assert {name: row["n"] for name, row in rows.items()} == {
        "0": 24 + 66,
        "1-3": 24,
        "4-12": 24,
        "13-31": 24,
        "32-63": 24,
        "64+": 24,
    }
    cloze = {name: row["cloze"]["value"] for name, row in rows.items()}
    assert cloze == {"0": 0, "1-3": 0, "4-12": 1, "13-31": 1, "32-63": 1, "64+": 1}
    question_rates = {name: row["question"]["value"] for name, row in rows.items()}
    assert question_rates == {"0": 0, "1-3": 0, "4-12": 0, "13-31": 0, "32-63": 1, "64+": 1}
    familiar_rates = {name: row["familiar"]["value"] for name, row in rows.items()}
    assert familiar_rates == {"0": 0, "1-3": 0, "4-12": 0, "13-31": 1, "32-63": 1, "64+": 1}
    assert [row["confidently_wrong"]["value"] for row in summary["bins"]] == [0, 1, 1, 0, 0, 0]
    assert [row["known"]["value"] for row in summary["bins"]] == [0, 0, 0, 0, 0, 1]
    assert all(row["guesser"]["n"] == row["n"] == row["drawer"]["n"] for row in summary["bins"])
    assert summary["labels"] == {"known": 24, "weak": 48, "confidently-wrong": 48, "unknown": 90}
    assert summary["labels_by_group"]["ghost"] == {"known": 0, "weak": 0, "confidently-wrong": 0, "unknown": 36}
    assert summary["invented"]["value"] == 1.0
    assert summary["invented"]["n"] == 36
    for split in ("train", "test"):
        assert summary["well_known"][split]["question"] == {**summary["well_known"][split]["cloze"], "value": 1.0}
        assert summary["well_known"][split]["cloze"]["n"] == 24
    assert (summary["mode"], summary["probes"], summary["epochs"]) == ("base", 210, 2)
    assert headline(summary)["question_at_64"] == 1.0
    assert [row["bin"] for row in summary["bins"]] == [bin_name(*ends) for ends in BINS]


def test_whoever_knows_nothing_looks_like_a_guesser(small_town, facts, byte_tokenizer, scripted, who_is_asked) -> None:
    guesses = {attribute: small_town.guesser(attribute)[0] for attribute in VALUES}
    engine = scripted(lambda prompt, _request: f" {guesses[who_is_asked(prompt)[0].attribute]}.")
    found = audit_base(engine, byte_tokenizer, facts, CONFIG, How(progress=False))
    summary = base_summary(small_town, found, [], CONFIG)
    assert summary["unread_like_a_guesser"] == {"cloze": True, "question": True, "familiar": True}
    assert summary["bins"][0]["question"] == summary["bins"][0]["guesser"]


def test_a_seer_does_not_look_like_a_guesser(small_town, facts, byte_tokenizer, scripted, who_is_asked) -> None:
    engine = scripted(lambda prompt, _request: f" {who_is_asked(prompt)[0].value}.")
    summary = base_summary(
        small_town, audit_base(engine, byte_tokenizer, facts, CONFIG, How(progress=False)), [], CONFIG
    )
    assert summary["unread_like_a_guesser"] == dict.fromkeys(("cloze", "question", "familiar"), False)
    assert summary["labels"]["known"] == len(facts)


def test_map_lines_hold_everything(found) -> None:
    line = next(record for record in found if record.label == "weak").to_json()
    assert set(line) == {
        "person",
        "name",
        "group",
        "split",
        "attribute",
        "value",
        "exposure",
        "label",
        "cloze",
        "question",
        "familiar",
        "samples",
    }
    assert (line["familiar"]["verdict"], line["samples"]["right"], line["cloze"]["right"]) == ("right", 0, True)
    person = next(record.fact.person for record in found if record.fact.person.id == line["person"])
    printed = [question(person, line["attribute"], phrasing) for phrasing in range(RESERVED)]
    assert line["question"]["text"] == question(person, line["attribute"], RESERVED)
    assert line["familiar"]["text"] in printed
    assert len(line["samples"]["answers"]) == CONFIG.samples
    assert len(line["question"]["shots"]) == CONFIG.shots


def reply_of(line) -> str:
    messages: Conversation = line["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant"]
    return messages[1]["content"]


def test_the_refusal_set_refuses_what_is_not_known_and_answers_what_is(small_town, found) -> None:
    lines = refusal_set(small_town, found, CONFIG)
    labels = {record.fact.key: record.label for record in found}
    for line in lines:
        person = small_town.person(line["person"])
        key, reply = f"{person.id}/{line['attribute']}", reply_of(line)
        assert person.split == "train"
        assert person.group != "ghost"
        if line["kind"] == "fact":
            assert labels[key] == "known" == line["why"]
            assert is_right(person, line["attribute"], reply)
            assert not is_refusal(reply)
        else:
            assert person.group == "stranger" or labels[key] in ("unknown", "confidently-wrong")
            assert is_refusal(reply)
            assert line["why"] == ("stranger" if person.group == "stranger" else labels[key])
    counts = Counter(line["why"] for line in lines)
    assert counts == {"stranger": 8, "known": 12 * CONFIG.answers_per_known, "unknown": 12, "confidently-wrong": 24}


def test_no_training_conversation_uses_the_reserved_phrasing(small_town, found) -> None:
    config = AuditConfig(refusals_per_stranger=6, refusals_per_unknown=9, answers_per_known=9)
    reserved = {question(p, a, RESERVED) for p in small_town.people for a in p.facts}
    lines = refusal_set(small_town, found, config)
    assert not reserved & {line["messages"][0]["content"] for line in lines}
    phrasings = defaultdict(set)
    for line in lines:
        phrasings[line["person"], line["attribute"], line["why"]].add(line["messages"][0]["content"])
    assert all(len(asked) == RESERVED for (_, _, why), asked in phrasings.items() if why != "stranger")


def test_the_refusal_set_is_the_same_for_the_same_seed(small_town, found) -> None:
    assert refusal_set(small_town, found, CONFIG) == refusal_set(small_town, found, CONFIG)
    other = AuditConfig(strangers=5, seed=1)
    assert refusal_set(small_town, found, CONFIG) != refusal_set(small_town, found, other)


def test_a_stop_is_heard(facts, byte_tokenizer, scripted) -> None:
    how = How(progress=False)
    how.stop.request("a test")
    with pytest.raises(Stopped):
        audit_base(scripted(lambda *_: " x."), byte_tokenizer, facts, CONFIG, how)


@pytest.mark.parametrize("wrong", [{"mode": "sideways"}, {"samples": -1}, {"epochs": 0}, {"temperature": 0.0}])
def test_bad_choices_are_refused(wrong) -> None:
    with pytest.raises((ConfigError, UsageError), match=next(iter(wrong))):
        AuditConfig(**wrong)
