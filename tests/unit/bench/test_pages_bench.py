"""The benches of pages and of the classifier: the measure by hand, and peers that answer at once."""

from __future__ import annotations

import gzip
import json
import stat
import sys
from pathlib import Path

import pytest

from trivium.bench import classifier, pages
from trivium.bench.shingles import compare, f1, shingles
from trivium.ground.errors import UsageError


@pytest.fixture(autouse=True)
def peers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for bench in (pages, classifier):
        monkeypatch.setattr(bench, "cache", lambda: tmp_path)
    return tmp_path / "peers"


def put_peer(folder: Path, answer: str) -> None:
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\nexec {sys.executable} -c {json.dumps(answer)}\n", encoding="utf-8")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)


def test_shingles_count_as_by_hand() -> None:
    assert shingles("a b c d e") == {("a", "b", "c", "d"): 1, ("b", "c", "d", "e"): 1}
    assert shingles("a, b!") == {("a", "b"): 1}
    assert not shingles("")
    assert compare("a b c d e", "x a b c d") == (1, 1, 1)
    assert compare("a b c d", "") == (0, 0, 1)


def test_f1_is_the_mean_over_pages() -> None:
    assert f1([(1, 0, 0), (1, 1, 0)]) == pytest.approx((2 * 0.75 / 1.75, 0.75, 1.0))
    assert f1([(1, 0, 1), (0, 0, 1)]) == pytest.approx((2 * 0.25 / 1.25, 1.0, 0.25))  # no page found: recall alone
    assert f1([(0, 1, 1)])[0] == 0


def test_without_peers_they_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pages --setup"):
        pages.main(docs=tmp_path / "b.md")
    with pytest.raises(UsageError, match="corpus --setup"):
        classifier.main(("a",), ("b",), docs=tmp_path / "b.md")


def test_pages_are_compared_and_the_section_is_written(
    peers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = "[''] * len(json.load(sys.stdin))"
    answer = f"dict(trafilatura=dict(version='9', seconds=1.0, texts={texts}))"
    put_peer(peers / "extractors", f"import json,sys; print(json.dumps({answer}))")
    put_peer(peers / "datatrove", "import json; print(json.dumps(dict(pages=50, kept=10, seconds=10.0)))")
    page = "<p>" + "The mill on the river was built long before the railway came to the valley. " * 5 + "</p>"
    truth = {"one": {"articleBody": page[3:-4]}}
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "one.html.gz").write_bytes(gzip.compress(page.encode()))
    (tmp_path / "ground-truth.json").write_text(json.dumps(truth))
    monkeypatch.setattr(pages, "pages_of", lambda warc: [page] * 4)
    asked = pages.output

    def run(command: list[str], given: str = "") -> str:
        ours = "trivium.bench.pages" in command
        return json.dumps({"pages": 100, "kept": 20, "seconds": 1.0}) if ours else asked(command, given)

    monkeypatch.setattr(pages, "output", run)
    docs = tmp_path / "b.md"
    assert pages.main(annotated=tmp_path, rounds=1, docs=docs) == 0
    text = docs.read_text()
    assert "| trivium | 100.0 | 100.0 | 100.0 |" in text
    assert "| trafilatura 9 | 0.0 | 0.0 | 0.0 | 4 |" in text
    assert "| trivium | 100 | 20 | 100 | 20.0x |" in text
    assert "by all pages of the file the ratio is 10.0x" in text.replace("By", "by")


def test_a_folder_without_annotated_pages_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no annotated pages"):
        pages.annotated_pages(tmp_path)


def test_classifiers_get_the_same_documents(peers: Path, tmp_path: Path) -> None:
    answer = "dict(train=1.0, score=2.0, scores=[0.5] * len(json.load(sys.stdin)['test']))"
    put_peer(peers / "datatrove", f"import json,sys; print(json.dumps({answer}))")
    for name, words in (("good", "river valley mill grain "), ("bad", "click offer cheap deal ")):
        rows = [{"text": f"{words * 30}{name} {i * 7919}"} for i in range(30)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    docs = tmp_path / "b.md"
    piles = [(str(tmp_path / f"{name}.jsonl"),) for name in ("good", "bad")]
    assert classifier.main(*piles, rounds=1, docs=docs) == 0
    text = docs.read_text()
    assert "60 documents (30 good)" in text and "20 held out" in text
    assert "| trivium | 1.000 |" in text
    assert "| fastText (DCLM's recipe) | 0.500 | 10 | 1.0x | 1.0 |" in text
