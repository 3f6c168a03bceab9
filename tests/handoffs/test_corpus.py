"""The whole corpus on what the package carries: town planted, bundled sample scored, documents selected."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from trivium.ground.artifact import Artifact
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.stages.corpus import plant, score, select
from trivium.stages.corpus.config import GopherLimits, PlantConfig, ScoreConfig, SelectConfig
from trivium.stages.corpus.dedup import near_copies
from trivium.stages.corpus.sources import warc
from trivium.stages.corpus.sources.page import Page
from trivium.text.document import Document, read_documents
from trivium.town.exposure import count
from trivium.town.world import Town

QUIET = How(progress=False)
PERMISSIVE = {"PSF-2.0", "PostgreSQL", "Apache-2.0", "BSD-3-Clause", "MIT/Apache-2.0", "Public domain"}
Street = dict[str, Artifact]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Street:
    """The town, scored and selected artifacts of the default configs."""
    folder = tmp_path_factory.mktemp("street")
    town = plant.run(PlantConfig(), {}, folder / "town", QUIET)
    scored = score.run(ScoreConfig(), {"town": town}, folder / "scored", QUIET)
    inputs = {"scored": scored, "town": town}
    return {**inputs, "selected": select.run(SelectConfig(), inputs, folder / "selected", QUIET)}


def documents(artifact: Artifact, name: str) -> list[Document]:
    return list(read_documents(artifact.file(f"{name}.parquet")))


def account(artifact: Artifact) -> dict[str, Any]:
    return {entry["source"]: entry for entry in artifact.json("funnel.json")["sources"]}


def test_the_towns_pages_pass_the_web_door(street: Street) -> None:
    entry = account(street["selected"])["town:pages"]
    dropped = {layer["name"]: layer["dropped"] for layer in entry["layers"] if layer["dropped"]}
    assert entry["in"] == sum(1 for _ in read_jsonl(street["town"].file("pages.jsonl")))
    assert entry["out"] >= 0.99 * entry["in"], dropped


def test_what_pages_state_is_still_stated_behind_the_filters(street: Street) -> None:
    town = Town.from_json(street["town"].json("town.json"))
    texts = [d.text for d in documents(street["selected"], "train") if d.source == "town:pages"]
    found = count(town, texts)
    planned = sum(len(page["facts"]) for page in read_jsonl(street["town"].file("pages.jsonl")))
    assert sum(found.values()) >= 0.98 * planned
    unwritten = town.group("ghost") + town.group("stranger")
    assert not any(found[f"{p.id}/{a}"] for p in unwritten for a in p.facts)


def test_every_record_of_the_sample_is_counted(street: Street) -> None:
    records = sum(1 for _ in warc.pages(score.bundled_sample(), 10_000_000))
    web = account(street["selected"])["web"]
    assert web["in"] == records == street["scored"].json("funnel.json")["files"][0]["records"]
    assert web["out"] == web["in"] - sum(sum(layer["dropped"].values()) for layer in web["layers"])
    names = [layer["name"] for layer in web["layers"]]
    assert names == [
        "read",
        "url",
        "extraction",
        "language",
        "gopher_repetition",
        "gopher_quality",
        "c4",
        "fineweb",
        "exact_dedup",
        "minhash",
        "pii",
        "mix",
    ]
    assert sum(bool(layer["dropped"]) for layer in web["layers"]) >= 8, "the sample gives most layers something to do"


def test_every_reason_has_documents_to_read(street: Street) -> None:
    shown = Counter(
        (one["source"], one["layer"], one["reason"]) for one in read_jsonl(street["selected"].file("examples.jsonl"))
    )
    for source, entry in account(street["selected"]).items():
        for layer in entry["layers"]:
            assert shown.pop((source, layer["name"], "")) == min(3, layer["out"])
            for reason, gone in layer["dropped"].items():
                assert shown.pop((source, layer["name"], reason)) == min(20, gone)
    assert not shown


def test_pages_stand_beside_their_texts_and_have_a_fate(street: Street) -> None:
    pages = list(read_jsonl(street["scored"].file("pages_sample.jsonl")))
    assert Counter(page["source"] for page in pages) == {"web": 12, "town:pages": 12}
    texts = {row["id"]: row["text"] for row in select.read_rows(street["scored"].file("documents.parquet"))}
    fates = street["selected"].json("funnel.json")["pages"]
    kept = {document.id for name in ("train", "heldout") for document in documents(street["selected"], name)}
    assert {page["id"] for page in pages} == set(fates)
    for page in pages:
        assert page["characters"] == len(texts[page["id"]]) and "<script" not in page["html"].lower()
        assert (page["id"] in kept) == (fates[page["id"]] == [])


def test_train_and_heldout_are_what_was_planned(street: Street) -> None:
    config = SelectConfig()
    train, heldout = (documents(street["selected"], name) for name in ("train", "heldout"))
    assert len(heldout) >= config.min_heldout
    assert not any(d.synthetic for d in heldout)
    assert {d.source for d in heldout} == {"web"}
    characters = sum(len(d.text) for d in train if d.source == "web")
    assert 0.93 * config.web_characters <= characters <= 1.07 * config.web_characters
    ids = [d.id for d in (*train, *heldout)]
    assert len(set(ids)) == len(ids)
    web = [d.text for d in (*heldout, *train) if d.source == "web"]
    assert near_copies(web, 14, 8, 5, seed=1).tolist() == list(range(len(web))), "no near-duplicate on both sides"


def test_what_is_made_up_says_so_and_what_is_real_has_a_licence(street: Street) -> None:
    for document in documents(street["selected"], "train"):
        assert document.synthetic == document.source.startswith("town:")
        if not document.synthetic:
            assert document.licence in PERMISSIVE
    lessons = {entry for entry in account(street["selected"]) if entry not in ("web", "town:pages")}
    assert {"town:sums", "town:dialogues"} <= lessons
    assert all(
        [layer["name"] for layer in account(street["selected"])[source]["layers"]] == ["lessons"] for source in lessons
    ), "lessons enter behind the web filters"


def test_the_sample_is_attributed() -> None:
    text = (score.bundled_sample().parent / "ATTRIBUTION.md").read_text(encoding="utf-8")
    found: dict[tuple[str, str], int] = {}
    for page in warc.pages(score.bundled_sample(), 10_000_000):
        key = (page.url.split("/")[2], page.licence)
        found[key] = found.get(key, 0) + 1
        assert page.origin
    assert {licence for _, licence in found} <= PERMISSIVE
    assert all(f"| {host} | {licence} | {pages} |" in text for (host, licence), pages in found.items())
    assert score.bundled_sample().stat().st_size <= 8 * 2**20


def test_the_same_input_gives_the_same_documents(street: Street, tmp_path: Path) -> None:
    town = plant.run(PlantConfig(), {}, tmp_path / "town", QUIET)
    assert {name: street["town"].manifest["files"][name]["sha256"] for name in street["town"].manifest["files"]} == {
        name: town.manifest["files"][name]["sha256"] for name in town.manifest["files"]
    }
    again = select.run(SelectConfig(), {"scored": street["scored"], "town": town}, tmp_path / "selected", QUIET)
    assert again.id == street["selected"].id
    for name in ("train", "heldout"):
        assert documents(again, name) == documents(street["selected"], name)


def test_a_changed_threshold_is_a_new_selection_of_the_same_scores(street: Street, tmp_path: Path) -> None:
    loose = SelectConfig(gopher=GopherLimits(min_alpha_words=0.6), web_characters=0, lessons=False)
    inputs = {"scored": street["scored"], "town": street["town"]}
    selected = select.run(loose, inputs, tmp_path / "selected", QUIET)
    assert selected.id != street["selected"].id
    assert account(selected)["web"]["out"] > account(street["selected"])["web"]["out"]
    assert set(account(selected)) == {"web", "town:pages"}


def test_the_users_own_pages_are_read(street: Street, tmp_path: Path) -> None:
    notes = [Page(f"https://me.example/{i}", f"<p>note {i}</p>".encode(), "", "", "", 0) for i in range(3)]
    pages = [warc.record_of(note, "2026-01-01T00:00:00Z") for note in notes]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.warc.gz").write_bytes(b"".join(pages))
    config = ScoreConfig(source=(str(tmp_path / "mine"),), licence="CC-BY-4.0")
    rows = list(select.read_rows(score.run(config, {}, tmp_path / "scored", QUIET).file("documents.parquet")))
    assert [(row["text"], row["licence"], row["file"]) for row in rows] == [
        (f"note {i}", "CC-BY-4.0", "a.warc.gz") for i in range(3)
    ]
    some = ScoreConfig(source=config.source, max_pages=2)
    assert len(list(select.read_rows(score.run(some, {}, tmp_path / "some", QUIET).file("documents.parquet")))) == 2
    before = score.label_of(config, {}).id
    (tmp_path / "mine" / "a.warc.gz").write_bytes(b"".join(pages[:2]))
    assert score.label_of(config, {}).id != before, "other content, other identity"


def test_own_documents_of_every_format_become_one_corpus(street: Street, tmp_path: Path) -> None:
    texts = [d.text for d in documents(street["selected"], "train") if d.source == "web"][:40]
    mine = tmp_path / "mine"
    mine.mkdir()
    for i, text in enumerate(texts[:10]):
        (mine / f"{i}.txt").write_text(text, encoding="utf-8")
    (mine / "book.md").write_text("\n\n".join(texts[10:20]), encoding="utf-8")
    rows = [json.dumps({"text": text, "url": f"https://a.example/{i}"}) for i, text in enumerate(texts[20:40])]
    (mine / "rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (mine / "photo.png").write_bytes(b"\x89PNG")
    config = ScoreConfig(source=(str(mine),))
    selected = []
    for crew in (1, 2):
        scored = score.run(config, {}, tmp_path / f"scored{crew}", How(progress=False, threads=crew))
        selected.append(select.run(SelectConfig(), {"scored": scored}, tmp_path / f"selected{crew}", QUIET))
    for name in ("train", "heldout"):
        assert documents(selected[0], name) == documents(selected[1], name), "any number of workers, the same corpus"
    kept = "\n".join(d.text for name in ("train", "heldout") for d in documents(selected[0], name))
    assert sum(text[:60] in kept for text in texts) >= 30
    (web,) = selected[0].json("funnel.json")["sources"]
    assert web["layers"][0]["dropped"] == {"unknown_type": 1}
    assert {d.url.partition(":")[0] for d in documents(selected[0], "train")} == {"file", "https"}


def test_the_corpus_loads_no_torch_and_planning_loads_no_numpy() -> None:
    code = (
        "import sys, trivium.stages.corpus.plant, trivium.stages.corpus.score, trivium.stages.corpus.select;"
        "print([name for name in ('torch', 'numpy', 'pyarrow', 'fasttext') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == []
