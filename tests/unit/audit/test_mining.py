"""Rules that mine facts: what they find, what they refuse, and that every place is where the statement stands."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from trivium.evals.knowledge.probe import Probe
from trivium.index.documents import Entry
from trivium.stages.audit.mining.mentions import exposed, look
from trivium.stages.audit.mining.mining import mine
from trivium.stages.audit.mining.patterns import Statement, sentences, statements
from trivium.stages.audit.unanswerable import coined, unanswerable


def found(text: str) -> list[tuple[str, str, str]]:
    return [
        (s.relation, s.subject, s.value)
        for place, sentence in sentences(text)
        for s in statements(place, sentence)
        if isinstance(s, Statement)
    ]


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Paris is the capital of France.", ("capital", "France", "Paris")),
        ("The capital of Peru is Lima, on the coast.", ("capital", "Peru", "Lima")),
        ("In Doha, the capital of Qatar, it rained.", ("capital", "Qatar", "Doha")),
        ("Ada Lovelace was born on 10 December 1815 in London.", ("born on", "Ada Lovelace", "10 December 1815")),
        ("William Penn was born in Bristol in 1621.", ("born in", "William Penn", "Bristol")),
        ("Ann Bo (10 May 1900 – 3 June 1980) taught.", ("died on", "Ann Bo", "3 June 1980")),
        ("Larkham School was founded in 1874.", ("founded in", "Larkham School", "1874")),
        ("The Mauryan Empire was founded by Chandragupta Maurya in 322 BCE.",
         ("founded by", "Mauryan Empire", "Chandragupta Maurya")),
        ("Emma was written by Jane Austen.", ("author", "Emma", "Jane Austen")),
        ("Jane Austen wrote the novel Emma.", ("author", "Emma", "Jane Austen")),
        ("Mont Blanc is 4,808 metres high.", ("measure: high", "Mont Blanc", "4,808 metres")),
        ("The height of Mont Blanc is about 4,808 m.", ("quantity: height", "Mont Blanc", "4,808 m")),
        ("Larkham has a population of 12,400.", ("population", "Larkham", "12,400")),
        ("Histamine is a compound that is involved in inflammation.", ("definition", "Histamine", "compound")),
    ],
)  # fmt: skip
def test_rules_find_what_a_sentence_states(text, fact):
    assert fact in found(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("He was born on 10 December 1815.", "pronoun"),
        ("It is a compound that matters much.", "pronoun"),
        ("Perhaps Lima is the capital of Peru.", "hedged or quoted"),
        ("Lima is not the capital of France, you know.", ""),
        ("Emma was written by Jane Austen and Ann Bo.", "list"),
        ("A horse is a thing of beauty.", "vague"),
        ("Is Lima the capital of Peru?", ""),
        ("Lima might be, if Lima is the capital of Peru at all.", "hedged or quoted"),
    ],
)
def test_what_says_too_little_or_too_much_is_refused(text, reason):
    assert not found(text)
    if reason:
        refused = [s for place, sentence in sentences(text) for s in statements(place, sentence)]
        assert reason in refused


def test_statements_stand_where_they_are_said_to():
    wrapped = "A line that is long enough to have been wrapped by its writer, and so\ngoes on."
    text = f"# Towns\n\n{wrapped} Lima is the capital of Peru.\n"
    mined = mine([Entry("d", "", "", text)])
    probe = next(p for p in mined.probes if p.relation == "capital")
    assert text[probe.start : probe.end] == "Lima is the capital of Peru"
    assert probe.document == "d"


def test_several_answers_are_rejected_and_counted_and_finer_ones_are_aliases():
    documents = [
        Entry("a", "", "", "Ann Bo was born in 1900. Lima is the capital of Peru. Cy Do was born in 1911."),
        Entry("b", "", "", "Ann Bo was born on 10 May 1900. Cusco is the capital of Peru. Ann Bo was born in 1900."),
    ]
    mined = mine(documents)
    by_id = {p.id: p for p in mined.probes}
    assert set(by_id) == {"born on|Ann Bo", "born on|Cy Do"}
    assert by_id["born on|Ann Bo"].exposure == 3 and set(by_id["born on|Ann Bo"].answers) == {"1900", "10 May 1900"}
    assert mined.dropped["several answers"] == 2
    assert mined.statements == 6 and sum(p.exposure or 0 for p in mined.probes) + 2 == 6


def test_exposure_is_counted_in_sentences_with_subject_and_answer():
    probes = [Probe("p", "?", ("Lima",), "Peru"), Probe("q", "?", ("Oslo",), "Norway"), Probe("r", "?", ("x",), "")]
    documents = [Entry("a", "A", "", "Peru is wide. Lima is the capital of Peru. Lima is old.")] + [
        Entry(f"n{i}", "", "", f"Norway has {i} towns, they say.") for i in range(9)
    ]
    seen = look(documents, probes)
    assert [p.exposure for p in exposed(probes, seen)] == [1, 0, None]
    assert seen["p"].subject == 2 and seen["p"].documents[0]["id"] == "a"
    assert len(seen["q"].documents) == 5


def test_the_unanswerable_name_nobody_real():
    real = [
        Probe(f"{i}", f"What is the capital of Land{i} East{i}?", (f"Town{i}",), f"Land{i} East{i}", "capital")
        for i in range(30)
    ]
    made = unanswerable(real, 20, 2030, 0, taken="land3 east4 town7")
    assert Counter(p.why for p in made) == {"invented": 20, "premise": 20, "future": 20}
    names = {p.subject for p in real}
    for probe in made:
        assert not probe.answerable
        if probe.why == "invented":
            assert probe.subject not in names and probe.subject in probe.question
    assert Counter(p.pool for p in made if p.pool) == {"recombined": 10, "disjoint": 10}
    assert made == unanswerable(real, 20, 2030, 0, taken="land3 east4 town7")
    assert unanswerable([], 3, 2030, 0)[0].why == "future"
    parts = {word for name in names for word in name.split()}
    assert not parts & set(coined("a b c", Random(1)).split())


@pytest.mark.parametrize(
    "text", ["", "\n" * 1000, "A" * 100_000, "Aa " * 40_000, "( 1 " * 30_000, "is a " * 30_000, "é\ud800"]
)
def test_odd_documents_are_read_in_linear_time(text):
    mine([Entry("x", "", "", text)])
