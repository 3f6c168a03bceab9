"""The benches of what models know: their speed bench at toy size, the town's groups, and how figures are told."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from trivium.bench.knowledge.figures import ROWS, by_count, pooled, seed_figures, town_section, write_curve
from trivium.bench.knowledge.honesty import NOBODY, figures, write_task
from trivium.bench.knowledge.honesty import section as honesty_section
from trivium.bench.knowledge.opened import Plan, section
from trivium.bench.knowledge.pupil import quiz
from trivium.bench.knowledge.speed import main as speed
from trivium.bench.knowledge.town import TOWN, bank_of, with_control
from trivium.cli.app import answer
from trivium.evals.knowledge.asking import Said
from trivium.evals.knowledge.mapping import made
from trivium.evals.knowledge.probe import Probe
from trivium.ground.how import How
from trivium.journey.overrides import override
from trivium.recipes.nano import nano
from trivium.stages.audit.bank import Bank
from trivium.stages.audit.sitting import Audited, sit
from trivium.tasks.given.own import OwnTask
from trivium.town.world import Town, TownConfig, build

SMALL = TownConfig(people=16, ghosts=4, strangers=8, crowd=10, unlisted=8)


@pytest.fixture(scope="module")
def town() -> Town:
    return build(SMALL)


def stated(town: Town) -> dict[str, int]:
    return {f"{person.id}/{name}": count for person in town.people for name, count in person.copies.items() if count}


def test_a_quiz_asks_nothing_twice_and_its_answers_are_shared():
    asked = quiz(400, 0)
    assert len({q.text for q in asked}) == 400
    assert len({q.answer for q in asked}) < 400
    assert asked == quiz(400, 0) != quiz(400, 1)


@pytest.mark.slow
def test_the_speed_bench_counts_every_answer(tmp_path, capsys):
    speed(probes=40, samples=2, depth=1, vocabulary=600, steps=2, device="cpu", threads=1, out=tmp_path, docs=None)
    base, chat = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    assert base["answers"] == base["probes"] * (4 + 2)
    assert chat["answers"] == chat["probes"] * (4 + 2 + 5)
    for one in (base, chat):
        assert one["seconds"] >= one["asking"] > 0 and one["tokens"] >= one["answers"]
    assert "The audit's speed" in capsys.readouterr().out


def test_who_is_asked_about_in_the_town(town):
    bank = bank_of(town, stated(town))
    kinds = {kind: [p for p in bank.asked if p.pool == kind] for kind in {p.pool for p in bank.asked}}
    assert set(kinds) == {"train", "test", "once", "stranger", "recombined", "disjoint"}
    words = {word for person in town.people for word in person.name.split()}
    for probe in kinds["recombined"]:
        assert not probe.answerable and set(probe.subject.split()) <= words
    for probe in kinds["disjoint"]:
        assert not probe.answerable and not words & set(probe.subject.split())
    assert {p.exposure for p in kinds["once"]} == {1}
    assert not {p.subject for p in bank.shots} & {p.subject for p in bank.asked}


def test_the_bench_has_a_larger_town_within_its_names_and_a_control():
    journey = override(with_control(nano(1)), TOWN)
    config = journey.node("town").config.town
    tested = round(config.people * config.famous * config.famous_test) * 6
    assert tested >= 400 and config.ghosts * 6 >= 400
    assert journey.node("shuffled").config.refusals == "shuffled"
    assert len(build(config).group("ghost")) == config.ghosts


def records(town: Town, refusing: bool) -> dict[str, object]:
    """A base model that knows what is stated five times, and an assistant that refuses the rest (or never)."""
    found = {}
    for probe in bank_of(town, stated(town)).asked:
        knows = probe.answerable and (probe.exposure or 0) >= 5
        says = probe.answers[0] if knows else "I don't know." if refusing else "Atlantis"
        said = Said(says, 2, -1.0)
        told = Said(probe.answers[0] if knows else "Atlantis", 2, -1.0)
        found[probe.id] = made(probe, [told] * 4, [told] * 4, [said] * 3 if refusing is not None else ())
    return found


def test_figures_of_a_seed_and_their_telling(town, tmp_path):
    base = {id: made(r.probe, r.greedy, r.samples) for id, r in records(town, False).items()}
    models = {"base": base, "plain": records(town, False), "sft": records(town, True), "shuffled": records(town, False)}
    one = seed_figures(models, stated(town), town)
    sides = one["sides"]
    assert sides["sft"]["recombined only"]["refusal_recall_unanswerable"]["value"] == 1
    assert sides["sft"]["new people"]["over_refusal"]["value"] == 0
    assert sides["sft"]["new people"]["refusal_index"]["value"] > 0.9
    assert sides["plain"]["nobody taught"]["hallucination"]["value"] > 0.4
    changed = one["change"]["sft"]
    assert changed["hallucination"]["value"] == 0 and changed["accuracy"]["value"] == 0
    assert one["change"]["shuffled"]["hallucination"]["value"] == 1
    counts = list(stated(town).values())
    assert one["floor"]["once"] == counts.count(1) and one["floor"]["statements"] == sum(counts)
    one |= {"detectors": {"answerable": {}}, "labels": {}}
    found = {0: one, 1: one}
    rows = pooled(found, "base")
    assert [row["hallucination"]["value"] for row in rows if row["low"] >= 5] == [0.0] * sum(
        r["low"] >= 5 for r in rows
    )
    assert rows[0]["n"] == 2 * by_count(list(base.values()))[0]["n"]
    text = town_section(found, "trivium bench audit-town")
    assert all(name in text for name in ROWS)
    write_curve(found, tmp_path)
    assert ElementTree.parse(tmp_path / "audit-exposure.svg").getroot().tag.endswith("svg")
    lines = (tmp_path / "audit-exposure.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 2 * sum(len(curve) for curve in one["curve"].values())


def test_the_open_bench_tells_what_is_there(tmp_path):
    plan = Plan(model=Path("m"), probes=(), out=tmp_path)
    bank_probes = [Probe(f"q{i}", f"What is {i}?", (str(i),), subject=str(i)) for i in range(20)]

    class Speaker:
        chat = True

        def say(self, wishes, told):
            for wish in wishes:
                told(wish.key, Said("3", 1, -1.0))

    sit(
        plan.audit, Audited("before", "1"), Speaker(), Bank(bank_probes), tmp_path / "audit-before", How(progress=False)
    )
    text = section(plan)
    assert "all (n = 20)" in text and "over refusal" in text


def test_an_unknown_part_is_named(tmp_path, capsys):
    file = tmp_path / "q.jsonl"
    file.write_text('{"question": "Why?", "answer": "Because"}\n', encoding="utf-8")
    assert answer(["bench", "audit-open", str(tmp_path), "--probes", str(file), "--part", "after"]) == 2
    assert "Parts are before, plain, taught, shuffled" in capsys.readouterr().err


def test_practice_for_honesty_asks_about_nobody_who_is_audited_and_knows_right_from_wrong(town, tmp_path):
    bank = bank_of(town, stated(town))
    task = OwnTask(write_task(bank.asked, tmp_path))
    problems = [*task.splits["train"], *task.splits["heldout"]]
    asked = {problem.question for problem in problems}
    assert not asked & {probe.question for probe in bank.asked if probe.pool in NOBODY}
    assert {probe.question for probe in bank.asked if probe.pool == "stranger"} <= asked
    known = next(problem for problem in problems if problem.answer)
    unknown = next(problem for problem in problems if not problem.answer)
    assert task.strict(known, f"{known.answer}.").correct
    assert not task.strict(known, "I don't know.").correct
    assert not task.strict(unknown, known.answer).correct, "of a stranger nothing is right"


def test_honesty_is_told_for_each_practice(town):
    honest, guessing = records(town, refusing=True), records(town, refusing=False)
    found = {"sft": figures(honest, honest, honest), "verified": figures(guessing, honest, honest)}
    before, after = honesty_section({0: found}, ["rl.steps=2"]).splitlines()[-2:]
    cells = [row.split(" | ") for row in (before, after)]
    assert [row[0] for row in cells] == ["| 0, before", "| 0, right answers paid"]
    assert cells[0][1].startswith("100.0 %") and cells[1][1].startswith("0.0 %")
    assert cells[0][6].startswith("+0.0")
