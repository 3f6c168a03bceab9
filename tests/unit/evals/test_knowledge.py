"""Probes, asking, the map and its measures: labels as constructed, figures as computed by hand."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from trivium.evals.knowledge import measures
from trivium.evals.knowledge.asking import Asking, Said, Shots, reserve, wishes_of
from trivium.evals.knowledge.mapping import entropy_of, from_json, made
from trivium.evals.knowledge.probe import Probe, from_cloze, split_of
from trivium.evals.knowledge.reading import read_questions, some
from trivium.evals.knowledge.reprobe import Changes, Reprobe
from trivium.evals.knowledge.speaking import Spoken
from trivium.generate.engine import Engine
from trivium.ground.errors import ConfigError, Stopped, UsageError
from trivium.ground.how import How

QUIET = How(progress=False)


def towns(count: int) -> list[Probe]:
    return [
        Probe(f"t{i}", f"What is the capital of Land {i}?", (f"Town {i}",), f"Land {i}", "capital")
        for i in range(count)
    ]


def told(*texts: str) -> list[Said]:
    return [Said(text, 2, -1.0) for text in texts]


@pytest.mark.parametrize(
    ("greedy", "samples", "label"),
    [
        (("Town 0", "Town 0"), ("Town 0", "Town 1", "Town 2", "x"), "highly-known"),
        (("Town 0", "Town 3"), ("Town 3",) * 4, "maybe-known"),
        (("Town 3", "Town 4"), ("Town 0", "Town 1", "Town 2", "x"), "weakly-known"),
        (("Town 3", "Town 4"), ("Town 5", "Town 6", "Town 7", "Town 8"), "unknown"),
        (("Town 3", "Town 4"), ("Town 3", "town 3.", "It is Town 3", "Town 0"), "confidently-wrong"),
        (("I don't know.",) * 2, ("I don't know.",) * 4, "unknown"),
    ],
)
def test_labels_are_by_greedy_answers_then_samples(greedy, samples, label):
    record = made(towns(1)[0], told(*greedy), told(*samples))
    assert record.label == label
    again = from_json(record.to_json())
    assert (again.label, again.outcome, again.wrong, again.refusing) == (
        label, record.outcome, pytest.approx(record.wrong), record.refusing)  # fmt: skip


def test_entropy_is_that_of_clusters():
    record = made(towns(1)[0], told("Town 0"), told("Town 0", "It is Town 0", "Town 1", "Town 2"))
    assert record.entropy == pytest.approx(-(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25)))
    assert record.mass == record.agreement == 0.5
    assert entropy_of([5]) == 0


def test_a_false_premise_is_refused_by_correcting_it():
    probe = Probe("p", "Why did Rome become the capital of France?", why="premise")
    assert made(probe, told("Rome is not the capital of France."), told("x")).outcome == "refused"
    assert made(probe, told("Because of a war."), told("x")).outcome == "wrong"


def test_wishes_are_all_there_once_and_prompts_begin_alike():
    probes, asking = towns(60), Asking(samples=6, draws=4, shots=2, plain=3)
    asked, kept = reserve(probes, asking)
    assert not {p.id for p in asked} & {p.id for p in kept}
    for chat in (False, True):
        wishes = wishes_of(asked, Shots(kept, asking), asking, chat)
        keys = Counter(wish.key for wish in wishes)
        assert max(keys.values()) == 1
        assert len(keys) == len(asked) * (4 + 6 + (1 + 3) * chat)
    heads = {
        w.messages[0]["content"].rsplit("Question:", 1)[0] for w in wishes_of(asked, Shots(kept, asking), asking, False)
    }
    assert len(heads) == asking.draws  # one prefix a draw is what an engine shares
    assert wishes_of(asked, Shots(kept, asking), asking, True) == wishes_of(asked, Shots(kept, asking), asking, True)


def test_shots_never_hold_the_question_itself():
    probes, asking = towns(8), Asking(shots=4, draws=4)
    shots = Shots(probes, asking)
    assert all(probe.id not in {s.id for s in shots.draw(probe, draw)} for probe in probes for draw in range(4))


def test_splits_depend_on_names_alone():
    probes = towns(400)
    sides = Counter(split_of(replace(p, relation="r")) for p in probes)
    assert set(sides) <= {"train", "test"} or set(sides) == {"new relation"}
    assert split_of(probes[0], ("file",)) == "new source"
    assert split_of(replace(probes[0], answers=())) == "unanswerable"
    assert [split_of(p) for p in probes] == [split_of(p) for p in reversed(probes)][::-1]


def knowing(count: int, refuses_unknown: bool) -> list:
    """Half is known; the rest is invented, or refused."""
    records = []
    for i, probe in enumerate(towns(count)):
        right = probe.answers[0]
        if i % 2 == 0:
            records.append(made(probe, told(right, right), told(*[right] * 4), told(right)))
        else:
            reply = "I don't know." if refuses_unknown else "Town x"
            records.append(
                made(probe, told("Town p", "Town q"), told("Town r", "Town s", "Town t", "Town u"), told(reply))
            )
    return records


def test_measures_of_one_that_knows_its_limits():
    found = measures.rates(knowing(60, True), {})
    assert found["refusal_recall"]["value"] == 1 and found["over_refusal"]["value"] == 0
    assert found["refusal_precision"]["value"] == 1 and found["hallucination"]["value"] == 0
    assert found["refusal_index"]["value"] == pytest.approx(1)
    shuffled = found["refusal_index"]["shuffled"]
    assert shuffled["low"] < 0 < shuffled["high"]


def test_measures_of_one_that_always_answers():
    found = measures.rates(knowing(60, False), {})
    assert found["hallucination"]["value"] == 0.5 and found["refusal_recall"]["value"] == 0
    assert found["refusal_index"]["value"] is None  # it never refuses: nothing to correlate
    detectors = measures.detectors(knowing(60, False))["answerable"]
    assert detectors["agreement"]["value"] == 1 and detectors["length"]["value"] == 0.5
    assert detectors["agreement_over_length"]["value"] == 0.5
    assert detectors["shuffled"]["low"] < 0.5 < detectors["shuffled"]["high"]


def test_known_is_read_from_another_map():
    base = {r.probe.id: r for r in knowing(20, False)}
    silent = [replace(r, replied=("refused",)) for r in knowing(20, True)]
    found = measures.rates(silent, base)
    assert found["over_refusal"]["value"] == 1 and found["refusal_precision"]["value"] == 0.5


def test_the_floor_is_singletons_over_statements():
    records = [made(replace(p, exposure=e), told("x"), told("x")) for p, e in zip(towns(4), (1, 1, 2, 0), strict=True)]
    found = measures.by_exposure(records)
    assert (found["floor"], found["facts"], found["statements"]) == (0.5, 3, 4)
    assert [row["bin"] for row in found["rows"]] == ["0", "1", "2"]
    assert measures.by_exposure([made(towns(1)[0], told("x"), told("x"))]) is None


def test_calibration_error_is_zero_for_the_calibrated():
    assert measures.calibration(knowing(40, False))["error"]["value"] == pytest.approx(0.0)


def test_files_of_questions(tmp_path: Path):
    path = tmp_path / "q.jsonl"
    path.write_text(
        '{"question": "who made it", "answer": ["Ann", "Bo"]}\n{"question": "Who made it?", "answer": "Cy"}\n'
        '{"context": "The capital of France is", "continuation": "Paris", "dataset": "w"}\n{"question": "no"}\n\n'
        '{"question": "Why is the moon square?", "answerable": false}\n',
        encoding="utf-8",
    )
    dropped: Counter[str] = Counter()
    found = read_questions(path, dropped)
    assert [p.question for p in found] == ["who made it?", "What is the capital of France?", "Why is the moon square?"]
    assert found[0].answers == ("Ann", "Bo", "Cy") and found[1].relation == "capital" and not found[2].answerable
    assert dropped == {"without an answer": 1, "asked twice": 1}
    assert len(read_questions(path, dropped, ("w",))) == 1
    for text in ("", '{"question": 3}\n', "[1]\n", "{\n", '{"a": ' * 3000):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match=r"question|read"):
            read_questions(path, Counter())
    with pytest.raises(UsageError, match="not there"):
        read_questions(tmp_path / "no.jsonl", Counter())


def test_limits_draw_the_same_probes_whatever_their_order():
    probes = towns(50)
    assert {p.id for p in some(probes, 9, 0)} == {p.id for p in some(probes[::-1], 9, 0)}


def test_clozes_that_are_no_relation_are_completed():
    assert (
        from_cloze("x", "Utah is located in", ("USA",), "w").question == "Complete the sentence: Utah is located in …"
    )
    assert from_cloze("x", "The sport played by Ann Bo is", ("golf",), "w").subject == "Ann Bo"


def test_settings_out_of_range_are_refused():
    for wrong in ({"samples": 0}, {"draws": 0}, {"temperature": 0.0}, {"shots": -1}):
        with pytest.raises(ConfigError):
            Asking(**wrong)


@pytest.fixture
def spoken(lively, byte_tokenizer):
    return Spoken(Engine(lively, 8), byte_tokenizer, True, 512, QUIET)


def test_the_engine_gives_every_answer_and_the_same_alone(spoken, byte_tokenizer):
    torch.set_num_threads(1)
    probes, asking = towns(4), Asking(samples=2, draws=2, shots=1, plain=1, known_tokens=4, plain_tokens=4)
    wishes = wishes_of(probes, Shots(towns(8)[4:], asking), asking, True)
    together: dict[str, Said] = {}
    spoken.say(wishes, together.__setitem__)
    assert set(together) == {wish.key for wish in wishes}
    alone: dict[str, Said] = {}
    for wish in wishes[::7]:
        spoken.say([wish], alone.__setitem__)
    assert all(together[key].text == said.text for key, said in alone.items())


def test_a_stop_leaves_the_engine_empty(spoken):
    asking = Asking(samples=1, draws=1, shots=0, known_tokens=8)
    spoken.how.stop.request("a test")
    with pytest.raises(Stopped):
        spoken.say(wishes_of(towns(3), Shots([], asking), asking, True), lambda _key, _said: None)
    spoken.how.stop.requested = False
    assert not spoken.engine.live and not spoken.engine.waiting


class Knows:
    """A speaker that knows some towns."""

    chat = False

    def __init__(self, known: set[str]) -> None:
        self.known = known

    def say(self, wishes, told) -> None:
        for wish in wishes:
            id = wish.key.split("\t")[0]
            told(wish.key, Said(f"Town {id[1:]}" if id in self.known else f"Town {hash(wish.key) % 997}x", 2, -1.0))

    def make(self, _model):
        return self


def test_what_training_itself_taught_leaves_the_lessons():
    lessons = [{"kind": "refusal" if i < 3 else "fact", "probe": p.to_json()} for i, p in enumerate(towns(6))]
    again = Reprobe(
        {f"t{i}": line["kind"] for i, line in enumerate(lessons)},
        towns(6),
        Knows({"t1", "t3", "t4"}),
        Asking(samples=2),
    )
    changes = again(None)
    assert changes == Changes(frozenset({"t1"}), frozenset({"t5"}), 6)
    assert [line["probe"]["id"] for line in again.mended(lessons, changes)] == ["t0", "t2", "t3", "t4"]


def test_reprobing_a_real_model_runs(lively, byte_tokenizer):
    lessons = [{"kind": "fact", "probe": p.to_json()} for p in towns(2)]
    asking = Asking(samples=1, draws=1, shots=1, known_tokens=3)
    assert Reprobe.of(lessons, byte_tokenizer, asking, QUIET)(lively).asked == 2
