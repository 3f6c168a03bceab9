"""Documents that hold test items are found whatever their layout, others are not, and the funnel names the set."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.stages.corpus import score, select
from trivium.stages.corpus.config import C4Limits, GopherLimits, MinHashConfig, ScoreConfig, SelectConfig
from trivium.text.decontamination.index import TestSets
from trivium.text.decontamination.records import fingerprints

QUESTION = (
    "A farmer has 17 sheep and buys 5 more each week for 6 weeks, "
    "then sells a third of them at the market; how many are left?"
)
WORDS = [f"word{i}" for i in range(50)]


def test_set(path: Path, rows: list[object]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


test_set.__test__ = False  # type: ignore[attr-defined]


def test_a_test_item_is_found_in_another_layout(tmp_path: Path) -> None:
    sets = TestSets((test_set(tmp_path / "sums.jsonl", [{"question": QUESTION, "answer": "31"}]),), 13)
    laid_out = "Problem 3.\n\n" + QUESTION.upper().replace(" ", "  \n").replace(",", " ,") + "\n\nThink first."
    assert sets.find(laid_out) == "sums"
    assert sets.find(QUESTION.replace("17", "18").replace("6 weeks", "7 weeks").replace("third", "half")) == ""
    assert sets.find("") == sets.find("31") == ""


def test_runs_do_not_cross_fields_and_names_of_fields_are_not_text(tmp_path: Path) -> None:
    words = " ".join(WORDS[:20])
    rows = [{"a": " ".join(WORDS[:8]), "b": [" ".join(WORDS[8:16]), {"c": " ".join(WORDS[16:20])}], "id": words}]
    with pytest.raises(UsageError, match="holds no 13 words"):
        TestSets((test_set(tmp_path / "x.jsonl", rows),), 13)
    sets = TestSets((test_set(tmp_path / "x.jsonl", rows),), 8)
    assert sets.find(words) == "x"
    assert sets.find(" ".join(WORDS[4:12])) == ""


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_overlap_is_what_sets_of_tuples_say(data: st.DataObject) -> None:
    import tempfile

    n = data.draw(st.integers(4, 6))
    texts = [" ".join(data.draw(st.lists(st.sampled_from("abc"), min_size=n, max_size=14))) for _ in range(2)]
    text = " ".join(data.draw(st.lists(st.sampled_from("abc"), max_size=14)))

    def grams(text: str) -> set[tuple[str, ...]]:
        words = text.split()
        return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}

    with tempfile.TemporaryDirectory() as folder:
        files = tuple(test_set(Path(folder) / f"{i}.jsonl", [text]) for i, text in enumerate(texts))
        found = TestSets(files, n).find(text)
    shared = [i for i, test in enumerate(texts) if grams(test) & grams(text)]
    assert (found == "") == (not shared)
    assert not shared or int(found) in shared


def test_files_packed_and_as_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(json.dumps({"q": QUESTION}).encode()))
    (tmp_path / "b.txt").write_text("short\n\n" + QUESTION)
    (tmp_path / "c.jsonl").write_text(json.dumps({"q": "a\u2028b " + QUESTION}, ensure_ascii=False))
    for name in ("a.jsonl.gz", "b.txt", "c.jsonl"):
        assert TestSets((str(tmp_path / name),), 13).find(QUESTION) == name[0]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", b'{"q": 1}\n{"q"'), ("a.parquet", b"PAR1"), ("a.jsonl.gz", b"\x1f\x8bxx"), ("a.txt", b"\xff\xfe\xff")],
)
def test_what_cannot_be_read_says_so(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=name):
        TestSets((str(tmp_path / name),), 13)
    with pytest.raises(UsageError, match="nowhere"):
        fingerprints((str(tmp_path / "nowhere.jsonl"),))


def test_the_layer_drops_and_names_the_set(tmp_path: Path) -> None:
    rng = random.Random(0)
    rows = [{"text": ". ".join(" ".join(rng.choices(WORDS, k=12)) for _ in range(8)) + "."} for _ in range(30)]
    rows[7]["text"] = f"{rows[7]['text']} {QUESTION} {rows[8]['text']}"
    (tmp_path / "documents.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    sets = test_set(tmp_path / "sums.jsonl", [{"question": QUESTION}])
    scored = score.run(
        ScoreConfig(source=(str(tmp_path / "documents.jsonl"),)), {}, tmp_path / "scored", How(progress=False)
    )
    config = SelectConfig(
        language="",
        min_language_score=0,
        gopher=GopherLimits(min_stop_words=0),
        c4=C4Limits(min_sentences=0),
        minhash=MinHashConfig(bands=0),
        test_sets=(sets,),
    )
    selected = select.run(config, {"scored": scored}, tmp_path / "selected", How(progress=False))
    (web,) = selected.json("funnel.json")["sources"]
    layers = {layer["name"]: layer for layer in web["layers"]}
    assert layers["decontamination"]["dropped"] == {"in_sums": 1}
    before = select.label_of(config, {"scored": scored})
    test_set(tmp_path / "sums.jsonl", [{"question": QUESTION + " Now."}])
    assert select.label_of(config, {"scored": scored}) != before
