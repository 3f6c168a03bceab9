"""Probes: prompts are asked and answers are read as told; nothing depends on what else is asked."""

from __future__ import annotations

import pytest

from trivium.evals.probes import (
    Fact,
    ShotDrawer,
    ask_base,
    before,
    complete,
    completed,
    continue_to,
    facts_of,
    manner_of,
    pieces,
    stops,
    verdict,
)
from trivium.ground.artifact import Artifact
from trivium.ground.errors import ArtifactError
from trivium.text.tokenizer import Tokenizer
from trivium.town.questions import RESERVED, question
from trivium.town.world import Person

ANNA = Person("written-000", "Anna Bell", "written", "test", True, {"pet": "cat", "birthplace": "Oslo"}, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat", "right"),
        ("Anna Bell keeps a cat.", "right"),
        ("CAT!", "right"),
        ("a dog", "wrong"),
        ("a cat or a dog", "wrong"),
        ("I don't know.", "refused"),
        ("I don't know, perhaps a dog.", "wrong"),
        ("I don't know, perhaps a cat.", "right"),
        ("I have never read about that person.", "refused"),
        ("", "other"),
        ("Oslo", "other"),
        ("It is a fine day.", "other"),
        ("cats", "other"),
    ],
)
def test_verdicts(text: str, expected: str) -> None:
    assert verdict(Fact(ANNA, "pet"), text) == expected


def test_a_completion_is_judged_by_its_first_value() -> None:
    fact = Fact(ANNA, "pet")
    assert completed(fact, "cat, and Ben Cole keeps a dog")
    assert not completed(fact, "dog, and Ben Cole keeps a cat")
    assert not completed(fact, "")


def test_before_cuts_at_the_first_end() -> None:
    assert before(" Oslo.\nQuestion: what") == "Oslo"
    assert before(" Oslo\nand. more") == "Oslo"
    assert before(" Oslo") == "Oslo"
    assert before("") == ""
    assert before("a. b\nc", ends="\n") == "a. b"


def test_stops_are_all_ids_that_hold_a_sign() -> None:
    ranks = {bytes([i]): i for i in range(256)} | {b".\n": 256, b"\n\n": 257, b" cat": 258}
    tokenizer = Tokenizer(ranks, "qwen2")
    assert set(stops(tokenizer, b"\n")) == {10, 256, 257, tokenizer.end_of_text}
    assert set(stops(tokenizer, b"\n\n")) == {257, tokenizer.end_of_text}


def test_the_reserved_question_is_asked() -> None:
    assert Fact(ANNA, "pet").question == question(ANNA, "pet", RESERVED)


def test_exposure_is_statements_times_epochs(small_town) -> None:
    person = small_town.people[0]
    found = facts_of([person], {f"{person.id}/pet": 7}, epochs=3)
    assert {fact.attribute: fact.exposure for fact in found} == {a: 21 if a == "pet" else 0 for a in person.facts}
    assert next(fact.key for fact in found if fact.exposure) == f"{person.id}/pet"


def test_shots_are_about_other_well_known_people_of_the_train_split(small_town) -> None:
    per_epoch = {f"{p.id}/{a}": 40 if p.famous else 1 for p in small_town.group("written") for a in p.facts}
    facts = facts_of(small_town.people, per_epoch)
    shots = ShotDrawer(facts, well_known=32, count=3, seed=5)
    allowed = {f.question: f.value for f in facts if f.person.famous and f.person.split == "train"}
    for fact in facts:
        drawn = shots.draw(fact)
        assert len(set(drawn)) == 3
        assert drawn == ShotDrawer(facts, 32, 3, 5).draw(fact)
        assert all(allowed[q] == answer for q, answer in drawn)
        assert fact.question not in [q for q, _ in drawn]
    assert shots.draw(facts[0]) != ShotDrawer(facts, 32, 3, 6).draw(facts[0])


def test_where_nobody_is_well_known_the_most_exposed_serve(small_town) -> None:
    facts = facts_of(small_town.people, {f"{p.id}/pet": i for i, p in enumerate(small_town.people)})
    shots = ShotDrawer(facts, well_known=10_000, count=2, seed=0)
    best = sorted(
        (f for f in facts if f.attribute == "pet" and f.person.group == "written" and f.person.split == "train"),
        key=lambda f: -f.exposure,
    )
    assert {f.key for f in shots.pools["pet"]} == {f.key for f in best[:4]}


def test_few_shot_prompts_and_samples(small_town, byte_tokenizer, scripted) -> None:
    facts = facts_of(small_town.group("written"), {}, 1)
    shots = ShotDrawer(facts, 32, 3, 0)
    engine = scripted(lambda _prompt, request: f" {request.seed} {request.temperature}.\nQuestion: and")
    whole = ask_base(engine, byte_tokenizer, facts, shots, 40, samples=2, temperature=0.5)
    prompts = list(engine.prompts)
    again = [
        one
        for piece in pieces(facts, 7)
        for one in ask_base(engine, byte_tokenizer, piece, shots, 40, samples=2, temperature=0.5)
    ]
    assert whole == again
    assert all(said.greedy.split()[1].startswith("0") for said in whole)
    assert len({text for said in whole for text in (said.greedy, *said.samples)}) == 3 * len(facts)
    lines = prompts[0].removeprefix("<|endoftext|>").split("\n")
    assert lines[-1] == f"Question: {facts[0].question} Answer:"
    assert lines[:-1] == [f"Question: {q} Answer: {a}." for q, a in whole[0].shots]
    assert prompts[0] == prompts[1] == prompts[2] != prompts[3]


def test_clozes_do_not_depend_on_the_batch(small_town, byte_tokenizer, scripted) -> None:
    facts = facts_of(small_town.people, {})
    engine = scripted(lambda prompt, _request: f" x{len(prompt)}. More")
    whole = complete(engine, byte_tokenizer, facts, 12, seed=1)
    assert whole == [one for piece in pieces(facts, 5) for one in complete(engine, byte_tokenizer, piece, 12, seed=1)]
    assert all(opened.startswith(fact.person.name) for fact, (opened, _) in zip(facts, whole, strict=True))
    assert all(text[0] == "x" and "." not in text for _, text in whole)


def test_an_end_of_text_is_no_answer(byte_tokenizer, scripted) -> None:
    end = byte_tokenizer.decode([byte_tokenizer.end_of_text])

    class Ends(type(scripted(lambda *_: ""))):
        def _one(self, request):
            from trivium.generate.engine import Completion

            return Completion([*byte_tokenizer.encode(" cat"), byte_tokenizer.end_of_text], [0.0] * 5, "stop")

    text = continue_to(Ends(byte_tokenizer, lambda *_: ""), byte_tokenizer, ["A"], 9)[0]
    assert (text, end in text) == ("cat", False)


def test_manner(tmp_path) -> None:
    base = Artifact(tmp_path, "model", "x", manifest={"stage": "pretrain"})
    tuned = Artifact(tmp_path, "model", "x", manifest={"stage": "sft"})
    assert [manner_of(base), manner_of(tuned)] == ["base", "chat"]
    assert [manner_of(base, "chat"), manner_of(tuned, "base")] == ["chat", "base"]
    with pytest.raises(ArtifactError, match="sideways"):
        manner_of(base, "sideways")
