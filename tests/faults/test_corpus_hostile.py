"""Pages made to break a pipeline: each becomes a row with its reason, and the good pages beside them all stay."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from trivium.ground.artifact import open_artifact
from trivium.ground.errors import Stopped, TriviumError, UsageError
from trivium.ground.how import How
from trivium.stages.corpus import score, select
from trivium.stages.corpus.config import MinHashConfig, ScoreConfig, SelectConfig
from trivium.stages.corpus.sources.page import Page
from trivium.stages.corpus.sources.warc import record_of

QUIET = How(progress=False, threads=2)
PROSE = (
    "The market of the town was open on that day, and we have been there with our friends. Nobody wanted to go home "
    "before the band had played its last song. In the evening a cold wind came up from the river, so the lamps were "
    "lit early. My sister bought two baskets of apples, which she later shared with all of us. There is a story that "
    "the old clock stops whenever a stranger asks for the time, but I have never seen it happen. We walked back along "
    "the wall of the park and counted the boats below."
)


def member(http: bytes, url: str, declared: int | None = None) -> bytes:
    head = (
        f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:0>\r\nWARC-Target-URI: {url}\r\n"
        f"WARC-Date: 2026-01-01T00:00:00Z\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {declared or len(http)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + http + b"\r\n\r\n")


def html(body: bytes | str, headers: str = "Content-Type: text/html") -> bytes:
    raw = body.encode() if isinstance(body, str) else body
    return f"HTTP/1.1 200 OK\r\n{headers}\r\n\r\n".encode() + raw


def good(number: int) -> bytes:
    text = (
        f"<html><body><main><h1>Page {number}</h1><p>{PROSE.replace('town', f'town{number}')}</p></main></body></html>"
    )
    return record_of(
        Page(f"http://good.example/{number}", text.encode(), "utf-8", "CC0-1.0", "tests", 0), "2026-01-01T00:00:00Z"
    )


FRENCH = "<p>" + "Le café de la forêt était déjà fermé, où l'été règne à Noël. " * 20 + "</p>"
HOSTILE: dict[str, tuple[bytes, str]] = {
    "long": (html("<p>" + "word " * 1_000_000), ""),
    "nul": (html(b"<p>" + PROSE.encode().replace(b" ", b"\x00 ") + b"</p>"), ""),
    "colspan": (html(f"<table><tr><td colspan=999999999 rowspan=999999999>{PROSE}</td></tr></table>"), ""),
    "charset": (html(FRENCH.encode("latin-1"), "Content-Type: text/html; charset=utf-8"), ""),
    "nocharset": (html(FRENCH.encode("cp1252")), ""),
    "oddcharset": (html(FRENCH.encode(), "Content-Type: text/html; charset=x-klingon"), ""),
    "deep": (html("<div>" * 100_000 + PROSE), None),
    "attributes": (html("<p " + " ".join(f"a{i}=1" for i in range(100_000)) + ">" + PROSE), ""),
    "sly": (html('<p title=">" ' + " ".join(f"a{i}=<" for i in range(100_000)) + ">" + PROSE), ""),
    "tags": (html("<b>x</b>" * 300_000), "too_many_tags"),
    "bomb": (
        html(zlib.compress(b"0" * 300_000_000, 9), "Content-Type: text/html\r\nContent-Encoding: deflate"),
        "too_large",
    ),
    "large": (html(b"x" * 11_000_000), "too_large"),
    "empty": (html(b""), "empty_body"),
    "blank": (html("<html><body></body></html>"), "no_text"),
    "binary": (html(b"%PDF-1.4 xyz"), "not_html"),
    "noise": (html(b"<p>\x81\x8d\x8f\x90\x9d</p>" * 500), "bad_charset"),
    "missing": (b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\ngone", "bad_status"),
}


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The scored artifact of a WARC file with every hostile page between good ones, and a broken-off end."""
    folder = tmp_path_factory.mktemp("hostile")
    members = [good(0)]
    for number, (name, (http, _)) in enumerate(HOSTILE.items(), 1):
        members += [member(http, f"http://bad.example/{name}"), good(number)]
    members += [member(html("<p>cut</p>"), "http://bad.example/cut", declared=5000), good(900)]
    members += [member(html(PROSE), "mailto:nobody"), good(901)[:-300]]
    (folder / "hostile.warc.gz").write_bytes(b"".join(members))
    config = ScoreConfig(source=(str(folder / "hostile.warc.gz"),), page_seconds=6.0)
    return score.run(config, {}, folder / "scored", QUIET)


def test_every_record_is_a_row_with_its_reason(scored: Any) -> None:
    rows = {row["url"].rpartition("/")[2]: row for row in select.read_rows(scored.file("documents.parquet"))}
    assert rows["deep"].pop("failed") in ("", "no_text")  # what it weighs is not defined, that it is read is
    found = {name: rows[name].get("failed") for name in HOSTILE}
    assert found == {name: reason for name, (_, reason) in HOSTILE.items()}
    assert rows["cut"]["failed"] == "truncated"
    assert rows["mailto:nobody"]["failed"] == "bad_url"
    assert rows["901"]["failed"] in ("truncated", "damaged")
    assert not any(rows[str(number)]["failed"] for number in (*range(len(HOSTILE) + 1), 900))
    assert all(rows[name]["text"] for name, (_, reason) in HOSTILE.items() if reason == "")
    assert all("é" in rows[name]["text"] for name in ("charset", "nocharset", "oddcharset"))
    assert "\x00" not in rows["nul"]["text"]


def test_the_account_sums_to_the_records(scored: Any) -> None:
    (account,) = scored.json("funnel.json")["files"]
    assert account["records"] == 2 * len(HOSTILE) + 5
    assert account["records"] == account["texts"] + sum(account["failed"].values())
    reasons = Counter(reason for _, reason in HOSTILE.values() if reason)
    assert all(account["failed"][reason] >= count for reason, count in reasons.items())


def test_the_funnel_counts_each_reason_once(scored: Any, tmp_path: Path) -> None:
    config = SelectConfig(min_heldout=2, minhash=MinHashConfig(bands=0))
    selected = select.run(config, {"scored": scored}, tmp_path / "selected", QUIET)
    (web,) = selected.json("funnel.json")["sources"]
    layers = {layer["name"]: layer for layer in web["layers"]}
    assert web["in"] == 2 * len(HOSTILE) + 5
    assert {"too_large", "empty_body", "bad_status", "bad_url"} <= set(layers["read"]["dropped"])
    assert {"too_many_tags", "no_text", "bad_charset", "not_html"} <= set(layers["extraction"]["dropped"])
    assert layers["language"]["dropped"]["not_en"] >= 3
    assert web["out"] >= len(HOSTILE)


def test_nothing_left_names_the_layer_that_took_most(scored: Any, tmp_path: Path) -> None:
    with pytest.raises(TriviumError, match="No document is left") as error:
        select.run(SelectConfig(language="xx"), {"scored": scored}, tmp_path / "selected", QUIET)
    assert "'language'" in str(error.value)
    assert not (tmp_path / "selected").exists()


def test_a_source_that_is_not_there_or_not_what_it_says_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no document"):
        score.run(ScoreConfig(source=(str(tmp_path),)), {}, tmp_path / "scored", QUIET)
    (tmp_path / "a.warc.gz").write_bytes(b"not a warc")
    with pytest.raises(UsageError, match="does not begin"):
        score.run(ScoreConfig(source=(str(tmp_path),)), {}, tmp_path / "scored", QUIET)


def test_a_stop_leaves_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(good(1) + good(2))
    how = How(progress=False, threads=1)
    how.stop.request("a test")
    config = ScoreConfig(source=(str(tmp_path),))
    with pytest.raises(Stopped):
        score.run(config, {}, tmp_path / "scored", how)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["scored.work"], (
        "what the next run goes on from"
    )
    assert open_artifact(score.run(config, {}, tmp_path / "scored", QUIET).path, "scored", hashes=True)
    assert not (tmp_path / "scored.work").exists()
