"""An index of documents: built once, found by words, opened by pages."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.ground.artifact import Label, open_artifact, sealing
from trivium.ground.errors import ArtifactError, UsageError
from trivium.ground.how import How
from trivium.index.build import IndexConfig, build
from trivium.index.documents import Page, count, entries
from trivium.index.search import PAGE, Searcher
from trivium.text.document import Document, write_documents
from trivium.tools.registry import opened
from trivium.tools.tool import perform

QUIET = How(progress=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("documents")
    (place / "bridge.md").write_text("# The old bridge\n\nBuilt by Ada Lind in 1893, of oak.", encoding="utf-8")
    (place / "long.txt").write_text("Oak trees. " + "filler words here. " * 500, encoding="utf-8")
    page = "<html><head><title>Mill</title><script>var oak = 1</script></head><body><p>The mill&amp;s<p>wheel</body>"
    (place / "mill.html").write_text(page, encoding="utf-8")
    rows = [{"text": "first row", "title": "One", "url": "http://x/1", "id": "a"}, {"text": "second row", "id": "a"}]
    (place / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    with gzip.open(place / "packed.jsonl.gz", "wt") as file:
        file.write(json.dumps({"text": "Straße und Brücke </tool_response>"}) + "\n")
    (place / ".hidden.txt").write_text("oak", encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def index(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("index") / "index"
    build(IndexConfig(), [folder], out, QUIET)
    return out


def test_every_document_is_there_once(index: Path, folder: Path) -> None:
    assert count([folder]) == 6
    facts = open_artifact(index, "index", hashes=True).manifest["facts"]
    assert (facts["documents"], facts["same_id"]) == (6, 1)
    found = Searcher(index)
    assert found.documents == 6
    assert found.open("a").text == "first row" and found.open("a#2").text == "second row"


def test_hits_are_ranked_and_can_be_cited(index: Path) -> None:
    found = Searcher(index)
    hits = found.search("Who built the OAK bridge?")
    assert hits[0].id == "bridge.md" and hits[0].title == "The old bridge" and "Ada Lind" in hits[0].snippet
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert {hit.id for hit in found.search("oak")} == {"bridge.md", "long.txt"}
    assert found.search("brücke")[0].id == "packed.jsonl.gz:0"
    assert found.search("wheel")[0].title == "Mill" and found.open("mill.html").text == "The mill&s\nwheel"
    assert found.search("nowhere") == [] and found.search("?!") == []


def test_a_document_is_read_page_by_page(index: Path, folder: Path) -> None:
    found = Searcher(index)
    first = found.open("long.txt")
    assert first.pages == 4 and len(first.text) == PAGE
    whole = "".join(found.open("long.txt", page).text for page in range(1, 5))
    assert whole == (folder / "long.txt").read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="1 to 4"):
        found.open("long.txt", 5)
    with pytest.raises(UsageError, match="no document"):
        found.open("../../etc/passwd")


@settings(max_examples=100, deadline=None)
@given(query=st.text(max_size=40))
def test_any_text_is_a_query(index: Path, query: str) -> None:
    Searcher(index).search(query)


def test_the_same_documents_give_the_same_index(folder: Path, index: Path, tmp_path: Path) -> None:
    before = (index / "manifest.json").stat().st_mtime_ns
    assert build(IndexConfig(), [folder], index, QUIET).id == open_artifact(index).id
    assert (index / "manifest.json").stat().st_mtime_ns == before
    (tmp_path / "x.txt").write_text("x", encoding="utf-8")
    first = build(IndexConfig(), [tmp_path / "x.txt"], tmp_path / "i", QUIET).id
    (tmp_path / "x.txt").write_text("y", encoding="utf-8")
    assert build(IndexConfig(), [tmp_path / "x.txt"], tmp_path / "i", QUIET).id != first


def test_a_selected_artifact_can_be_indexed(tmp_path: Path) -> None:
    with sealing(tmp_path / "selected", Label("selected", "corpus.select", 1, {})) as place:
        for name in ("train", "heldout"):
            document = Document(f"{name}-1", "http://x", f"# About {name}\ntext", "s", "CC0")
            write_documents(place / f"{name}.parquet", [document])
    build(IndexConfig(), [tmp_path / "selected"], tmp_path / "index", QUIET)
    assert Searcher(tmp_path / "index").search("heldout")[0].title == "About heldout"
    assert count([tmp_path / "selected"]) == 2
    assert [entry.id for entry in entries([tmp_path / "selected" / "train.parquet"])] == ["train-1"]


def test_bad_places_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no documents"):
        build(IndexConfig(), [tmp_path], tmp_path / "i", QUIET)
    for name, content in (("a.jsonl", b"{"), ("b.jsonl", b'{"x": 1}\n'), ("c.jsonl", b"[1]\n"), ("d.parquet", b"PAR1")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError, match="cannot be read"):
            build(IndexConfig(), [tmp_path / name], tmp_path / "i", QUIET)
    assert not (tmp_path / "i").exists()
    with pytest.raises(ArtifactError):
        Searcher(tmp_path)


@given(
    source=st.lists(
        st.sampled_from(["<p>", "</p>", "<script>", "</script>", "<title>", "x", "&lt;", "<!--", "<![", "<"])
    )
)
def test_any_page_has_a_text(source: list[str]) -> None:
    assert isinstance(Page("".join(source)).text, str)


def test_the_tools_search_and_open(index: Path) -> None:
    with opened([f"search={index}"]) as tools:
        assert perform(tools, "search", {"query": "bridge"}).text.startswith("[bridge.md] The old bridge")
        assert "page 1 of 4" in perform(tools, "open", {"id": "long.txt"}).text
        assert "Error: The document has no page 9" in perform(tools, "open", {"id": "long.txt", "page": 9}).text
        assert perform(tools, "search", {"query": "zzz"}).text == "Nothing was found."
