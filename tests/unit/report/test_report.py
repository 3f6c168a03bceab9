"""The page: whole with everything, whole with nothing, and never a tag that a model wrote."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from trivium.ground.artifact import Artifact, open_artifact
from trivium.ground.config import from_json, to_json
from trivium.ground.errors import ConfigError
from trivium.ground.how import How
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.effects import effects
from trivium.stages.report.run import SECTIONS, label_of, page, run

VOID = {"meta", "br", "img", "hr", "input", "link"}


class Reader(HTMLParser):
    """Collects tags and texts, and sees that tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def html(street: dict[str, Artifact]) -> str:
    return page(ReportConfig(), street, effects(street))


@pytest.fixture(scope="module")
def read(html: str) -> Reader:
    return Reader(html)


def test_what_models_write_stays_text(read: Reader) -> None:
    names = {tag for tag, _ in read.tags}
    assert not names & {"script", "img", "iframe", "object", "embed", "form", "link", "b"}
    assert not [key for _, attrs in read.tags for key in attrs if key.startswith("on")]
    assert sum(tag == "style" for tag, _ in read.tags) == 1
    assert "<script>alert('1')</script>" in read.text and "{{ 7*7 }}" in read.text


def test_the_page_loads_nothing(html: str, read: Reader) -> None:
    for tag, attrs in read.tags:
        assert "src" not in attrs
        assert tag != "a" or (attrs["href"] or "").removeprefix("funnel.html")[:1] in ("#", "")
    assert "default-src 'none'" in html and "url(#hatch)" in html and html.count("url(") == html.count("url(#hatch)")
    assert "@import" not in html and len(html.encode()) < 1_500_000


def test_anchors_and_ids_fit(read: Reader) -> None:
    ids = [attrs["id"] for _, attrs in read.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    for _, attrs in read.tags:
        target = attrs.get("href") or "#" + (attrs.get("aria-labelledby") or ids[0] or "")
        assert target[1:] in ids or target.partition("#")[0] == "funnel.html"


def test_every_chart_is_told_in_words_and_scrolls_by_keyboard(read: Reader) -> None:
    charts = [place for place, (tag, _) in enumerate(read.tags) if tag == "svg"]
    assert len(charts) >= 14
    for place in charts:
        assert read.tags[place][1]["role"] in ("img", "group") and read.tags[place + 1][0] == "title"
        assert read.tags[place - 1][1].get("tabindex") == "0" and read.tags[place - 1][1]["aria-label"]


def test_the_page_reads_both_grounds_and_paper(html: str) -> None:
    assert "prefers-color-scheme:dark" in html and "--ground: #171613" in html and "@media print" in html


def test_effects_head_the_page(read: Reader) -> None:
    assert "9 of 9 targets met" in read.text and "96.9\N{NO-BREAK SPACE}%" in read.text
    assert read.text.index("What each stage changed") < read.text.index("Pages become documents")


def test_with_nothing_every_section_says_so() -> None:
    read = Reader(page(ReportConfig(), {}, []))
    assert all(section.missing in read.text for section in SECTIONS)
    assert "Nothing has been measured yet." in read.text


@pytest.mark.parametrize(
    "node",
    "selected tokenizer base audit-base plain sft audit-sft reward warm rl audit-rl quirks-base".split(),
)
def test_each_artifact_may_be_alone_or_missing(street: dict[str, Artifact], node: str) -> None:
    for inputs in ({node: street[node]}, {name: a for name, a in street.items() if name != node}):
        Reader(page(ReportConfig(), inputs, effects(inputs)))


def test_artifacts_without_their_files_are_as_good_as_empty(street: dict[str, Artifact], tmp_path: Path) -> None:
    from trivium.ground.artifact import Label, sealing

    bare = {}
    for name, artifact in street.items():
        with sealing(tmp_path / name, Label(artifact.kind, "x", 1, {})):
            pass
        bare[name] = open_artifact(tmp_path / name)
    assert effects(bare) == []
    Reader(page(ReportConfig(), bare, []))


def test_run_seals_the_page_and_the_effects(street: dict[str, Artifact], tmp_path: Path, quiet: How) -> None:
    config = ReportConfig(title="A <small> education")
    artifact = run(config, street, tmp_path / "report", quiet)
    assert artifact.kind == "report" and artifact.id == label_of(config, street).id
    assert artifact.json("effects.json") == json.loads(json.dumps(effects(street)))
    assert artifact.manifest["facts"] == {"effects": 9, "met": 9}
    text = artifact.file("report.html").read_text(encoding="utf-8")
    assert "<h1>A &lt;small&gt; education</h1>" in text
    assert run(config, street, tmp_path / "again", quiet).file("report.html").read_text(encoding="utf-8") == text


def test_config_round_trip_and_bounds() -> None:
    assert from_json(ReportConfig, to_json(ReportConfig(examples=1))) == ReportConfig(examples=1)
    with pytest.raises(ConfigError):
        ReportConfig(examples=21)
    with pytest.raises(ConfigError):
        ReportConfig(rollouts=0)
