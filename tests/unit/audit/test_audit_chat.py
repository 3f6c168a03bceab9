"""Chat models that are oracles, liars and refusers: the figures come out as constructed."""

from __future__ import annotations

import pytest

from trivium.evals.probes import facts_of
from trivium.ground.artifact import Label, open_artifact, sealing
from trivium.ground.how import How
from trivium.ground.log import write_jsonl
from trivium.stages.audit.config import AuditConfig
from trivium.stages.audit.run import asked_people, audit_chat, known_to_base
from trivium.stages.audit.summary import chat_summary, headline
from trivium.text.tokenizer import THINK, THINK_END, TURN_END
from trivium.town.names import VALUES

CONFIG = AuditConfig(strangers=5)


@pytest.fixture
def facts(small_town):
    """Famous people are read 40 times, the others never."""
    per_epoch = {f"{p.id}/{a}": 20 for p in small_town.group("written") if p.famous for a in p.facts}
    return facts_of(asked_people(small_town, CONFIG.strangers), per_epoch, CONFIG.epochs)


@pytest.fixture
def summary_of(facts, small_town, byte_tokenizer, scripted, who_is_asked):
    def run(say, known=None):
        exposure = {fact.key: fact.exposure for fact in facts}

        def script(prompt: str, _request) -> str:
            fact, how = who_is_asked(prompt)
            assert how == "question"
            assert prompt.endswith("<|im_start|>assistant\n")
            return say(fact, exposure[fact.key])

        found = audit_chat(scripted(script), byte_tokenizer, facts, CONFIG, How(progress=False))
        return chat_summary(small_town, found, CONFIG, known)

    return run


def other_value(fact) -> str:
    return next(value for value in VALUES[fact.attribute] if value != fact.value)


def rates(block) -> dict[str, float]:
    return {name: block[name]["value"] for name in ("right", "wrong", "refused", "other")}


def test_an_honest_assistant(summary_of) -> None:
    summary = summary_of(lambda fact, seen: f"{fact.value}.{TURN_END}" if seen else f"I don't know.{TURN_END}")
    assert summary["invented"]["value"] == 0.0
    assert summary["invented"]["n"] == 36
    for split in ("train", "test"):
        assert rates(summary["well_known"][split]) == {"right": 1, "wrong": 0, "refused": 0, "other": 0}
        assert summary["well_known"][split]["right"]["n"] == 36
    assert rates(summary["strangers"]) == {"right": 0, "wrong": 0, "refused": 1, "other": 0}
    assert [row["hallucinated"]["value"] for row in summary["bins"]] == [0, None, None, None, 0, None]
    assert summary["unfinished"]["value"] == 0
    assert summary["known_to_base"] is None
    assert headline(summary) == {"invented": 0, "well_known_refused": 0, "well_known_right": 1}


def test_a_liar(summary_of) -> None:
    summary = summary_of(lambda fact, _seen: f"{other_value(fact)}.{TURN_END}")
    assert (summary["invented"]["value"], summary["named_a_value"]["value"]) == (1.0, 1.0)
    assert rates(summary["well_known"]["test"]) == {"right": 0, "wrong": 1, "refused": 0, "other": 0}
    assert [row["hallucinated"]["value"] for row in summary["bins"]] == [1, None, None, None, 1, None]
    assert set(summary["invented_by_attribute"]) == set(VALUES)
    assert all(one == {**one, "value": 1.0, "n": 6} for one in summary["invented_by_attribute"].values())


def test_a_refuser(summary_of) -> None:
    summary = summary_of(lambda _fact, _seen: f"I have not heard of that person.{TURN_END}")
    assert summary["invented"]["value"] == 0.0
    assert rates(summary["well_known"]["test"]) == {"right": 0, "wrong": 0, "refused": 1, "other": 0}
    assert headline(summary)["well_known_refused"] == 1.0


def test_a_rambler_invents_without_naming_a_value(summary_of) -> None:
    summary = summary_of(lambda _fact, _seen: "Yes, yes, " * 40)
    assert (summary["invented"]["value"], summary["named_a_value"]["value"]) == (1.0, 0.0)
    assert summary["unfinished"]["value"] == 1.0
    assert rates(summary["well_known"]["test"])["other"] == 1.0


def test_a_refusal_with_a_value_is_an_invention(summary_of) -> None:
    summary = summary_of(lambda fact, _seen: f"I don't know, maybe {other_value(fact)}.{TURN_END}")
    assert summary["invented"]["value"] == 1.0


def test_thoughts_do_not_count(summary_of) -> None:
    summary = summary_of(lambda fact, _seen: f"{THINK}{fact.value}{THINK_END}I don't know.{TURN_END}")
    assert summary["invented"]["value"] == 0.0
    summary = summary_of(lambda fact, _seen: f"{THINK}I don't know{THINK_END}{other_value(fact)}.{TURN_END}")
    assert summary["invented"]["value"] == 1.0


def test_half_refuses_by_split(summary_of) -> None:
    summary = summary_of(
        lambda fact, _seen: (
            f"{fact.value}{TURN_END}" if fact.person.split == "train" else f"I have no idea, sorry.{TURN_END}"
        )
    )
    assert rates(summary["well_known"]["train"])["right"] == 1.0
    assert rates(summary["well_known"]["test"])["refused"] == 1.0


def test_figures_on_what_the_base_model_knew(summary_of, facts, tmp_path) -> None:
    out = tmp_path / "audit"
    with sealing(out, Label("audit", "audit", 1, {})) as folder:
        write_jsonl(
            folder / "map.jsonl",
            (
                {
                    "person": f.person.id,
                    "attribute": f.attribute,
                    "label": "known" if f.person.famous and f.attribute == "pet" else "weak",
                }
                for f in facts
            ),
        )
    known = known_to_base(open_artifact(out, "audit"))
    summary = summary_of(
        lambda fact, _seen: (
            f"{fact.value}{TURN_END}" if fact.attribute == "pet" else f"I have no idea, sorry.{TURN_END}"
        ),
        known,
    )
    assert rates(summary["known_to_base"]["test"]) == {"right": 1, "wrong": 0, "refused": 0, "other": 0}
    assert summary["known_to_base"]["test"]["right"]["n"] == 6
    assert summary["well_known"]["test"]["refused"]["value"] == pytest.approx(30 / 36)
    assert known_to_base(None) is None
