"""The funnel's own page: every count and reason, documents as text, bounded, and nothing that runs or loads."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from trivium.ground.artifact import Artifact
from trivium.pages.frame import POLICY
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.sieve import account, page, words
from trivium.stages.report.sieve.account import EXAMPLES_BYTES, sources_of, weight
from trivium.stages.report.sieve.page import PAGES_BYTES, beside, funnel_page

from .conftest import HOSTILE, examples, funnel, seal, shown_pages

VOID = {"meta", "input"}
LOADING = {"src", "data", "poster", "background", "action", "formaction", "ping", "xlink:href", "srcset"}


class Reader(HTMLParser):
    """Tags, what each element says, and whether all close in order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: dict[str, str] = {}
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said[self.open[-1] if self.open else ""] = self.said.get(self.open[-1] if self.open else "", "") + data


@pytest.fixture(scope="module")
def html(street: dict[str, Artifact]) -> str:
    return funnel_page(street, ReportConfig())


@pytest.fixture(scope="module")
def read(html: str) -> Reader:
    return Reader(html)


def test_every_reason_and_layer_is_told_and_its_link_leads_there(html: str, read: Reader) -> None:
    ids = [attrs["id"] for _, attrs in read.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    links = {attrs["href"] or "" for tag, attrs in read.tags if tag == "a"}
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert {link for link in links if not link.startswith("#")} == {"report.html"}
    branches = [attrs["href"] or "" for tag, attrs in read.tags if tag == "a" and attrs.get("class") == "branch"]
    reasons = [(source, layer, reason) for source in funnel()["sources"] for layer in source["layers"]
               for reason in layer["dropped"]]  # fmt: skip
    assert len(branches) == 2 * len(reasons) == 2 * len(set(branches)), "each wide and narrow"
    for _, layer, reason in reasons:
        assert f"{layer['dropped'][reason]:,} dropped" in html and reason.replace("_", " ") in html
    folds = {attrs["id"] for tag, attrs in read.tags if tag == "details" and attrs.get("class") == "reason"}
    assert {branch[1:] for branch in branches} == folds


def test_documents_are_there_with_their_score_and_its_limit(read: Reader) -> None:
    shown = sum(attrs.get("class") == "document" for _, attrs in read.tags)
    assert shown == len(examples())
    assert read.said["strong"].count("dup 5 gram: 0.1501, at most 0.15 allowed") == sum(
        one["reason"] != "" for one in examples()
    )
    assert "more characters" in read.said["span"]


def test_what_documents_say_stays_text(html: str, read: Reader) -> None:
    assert {tag for tag, _ in read.tags} & {"img", "object", "embed", "form", "link", "b", "base"} == set()
    assert not [name for _, attrs in read.tags for name in attrs if name.startswith("on") or name in LOADING]
    assert not [attrs for _, attrs in read.tags if (attrs.get("href") or "").startswith("javascript")]
    assert sum(tag == "script" for tag, _ in read.tags) == 1 and "alert" not in read.said["script"]
    assert HOSTILE in read.said["p"]


def test_only_our_script_may_run(html: str, read: Reader) -> None:
    policy = next(attrs["content"] or "" for _, attrs in read.tags if attrs.get("http-equiv"))
    digest = base64.b64encode(hashlib.sha256(read.said["script"].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy
    assert policy.count("script-src") == 1 and not re.search("script-src[^;]*unsafe", policy)


def test_frames_may_do_nothing(read: Reader) -> None:
    frames = [attrs for tag, attrs in read.tags if tag == "iframe"]
    assert len(frames) == len(shown_pages())
    for attrs in frames:
        assert attrs["sandbox"] in (None, "") and set(attrs) <= {
            "sandbox",
            "loading",
            "referrerpolicy",
            "title",
            "srcdoc",
        }
        document = attrs["srcdoc"] or ""
        assert POLICY in document and "<script" not in document and "onload" not in document
        assert "<mark>What stayed.</mark>" in document
    assert "<script>document.title='owned'</script>" in read.said["pre"], "its source is shown as text"


def test_fates_of_pages_are_told(street: dict[str, Artifact]) -> None:
    shown = beside(street)
    assert shown is not None
    assert [one["fate"] for one in shown] == ["stayed", "dropped by c4: curly_bracket", ""]


def test_fewer_documents_are_shown_when_asked(street: dict[str, Artifact]) -> None:
    few = sources_of(street, 1)
    assert {len(reason.examples) for source in few for layer in source.layers for reason in layer.reasons} == {1}


def test_however_much_there_is_the_page_is_bounded(tmp_path: Path) -> None:
    text = '<"&' * 500
    many = [
        {
            "source": "web",
            "layer": "read",
            "reason": f"r{i}",
            "why": None,
            "url": text,
            "characters": 1500,
            "text": text,
        }
        for i in range(200)
        for _ in range(20)
    ]
    layer = {"name": "read", "in": 9000, "out": 1000, "dropped": {f"r{i}": 40 for i in range(200)}, "examples": {}}
    counts = {"sources": [{"source": "web", "in": 9000, "out": 1000, "layers": [layer]}], "selected": {}}
    huge = [one | {"html": '<p>"&' * 12_000, "id": str(i)} for i in range(20) for one in shown_pages()[:1]]
    inputs = {
        "selected": seal(tmp_path, "selected", "selected", "s", {"funnel.json": counts, "examples.jsonl": many}, {}),
        "scored": seal(tmp_path, "scored", "scored", "s", {"pages_sample.jsonl": huge}, {}),
    }
    shown = [one for source in sources_of(inputs, 20) for layer in source.layers for reason in layer.reasons
             for one in reason.examples]  # fmt: skip
    assert 200 <= len(shown) < 4000 and weight(shown) <= EXAMPLES_BYTES
    kept = beside(inputs)
    assert kept is not None and 1 <= len(kept) < 20
    html = funnel_page(inputs, ReportConfig())
    assert len(html.encode()) < EXAMPLES_BYTES + PAGES_BYTES + 500_000


def test_older_and_partial_artifacts_have_a_page_too(street: dict[str, Artifact], tmp_path: Path) -> None:
    assert funnel_page({}, ReportConfig()) == ""
    old = {"selected": seal(tmp_path, "selected", "selected", "s", {"funnel.json": funnel()}, {})}
    read = Reader(funnel_page(old, ReportConfig()))
    assert HOSTILE in read.said["p"] and "iframe" not in dict(read.tags)
    assert beside(old) is None


def test_text_alone_says_that_there_are_no_pages(street: dict[str, Artifact], tmp_path: Path) -> None:
    inputs = {**street, "scored": seal(tmp_path, "scored", "scored", "s", {"pages_sample.jsonl": []}, {})}
    assert "these documents came as text" in funnel_page(inputs, ReportConfig())


@pytest.mark.parametrize(
    ("why", "said"),
    [
        (None, ""),
        ({"what": "words", "value": 22.0, "low": 50}, "words: 22, at least 50 wanted"),
        ({"what": "x_y", "value": 0.150004, "high": 0.15}, "x y: 0.150004, at most 0.15 allowed"),
        ({"what": "language", "value": "pt"}, "language: pt"),
        ({"what": "score", "value": None, "low": 1, "high": 2}, "score: none, at least 1 wanted, at most 2 allowed"),
    ],
)
def test_what_decided_is_said(why: dict[str, Any] | None, said: str) -> None:
    assert words.decided(why) == said


def test_rooms_agree_on_names() -> None:
    assert page.NAME == "funnel.html" and account.weight([]) == 0
