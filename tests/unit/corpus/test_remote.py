"""Collections on the web: which files are taken, that they are fetched once, and that a server's names stay inside."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from trivium.cli.app import answer
from trivium.ground.errors import Stopped, UsageError
from trivium.ground.how import How
from trivium.stages.corpus.sources import remote
from trivium.stages.corpus.sources.find import find
from trivium.stages.corpus.sources.page import Page
from trivium.stages.corpus.sources.warc import record_of

CRAWL = "CC-MAIN-2024-51"
QUIET = How(progress=False)
PROSE = (
    "<p>The market of the town was open on that day, and we have been there with our friends. Nobody wanted to go home "
    "before the band had played its last song. In the evening a cold wind came up from the river, so the lamps were "
    "lit early. My sister bought two baskets of apples, which she later shared with all of us. There is a story that "
    "the old clock stops whenever a stranger asks for the time. It was the year {i}.</p>"
)


class Site(SimpleHTTPRequestHandler):
    """Files of a folder; remembers what was asked for."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/api/"):
            self.path = self.path.partition("?")[0].rstrip("/") + ".json"
        super().do_GET()

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that a local server shows as Common Crawl and as the hub."""
    folder = tmp_path / "site"
    folder.mkdir()
    Site.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=str(folder))) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        base = f"http://127.0.0.1:{running.server_address[1]}"
        monkeypatch.setenv("TRIVIUM_COMMON_CRAWL", base)
        monkeypatch.setenv("TRIVIUM_HUB", base)
        monkeypatch.setenv("TRIVIUM_CACHE", str(tmp_path / "cache"))
        monkeypatch.chdir(tmp_path)
        yield folder
        running.shutdown()
        thread.join()


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def page(i: int, k: int) -> Page:
    return Page(f"https://a.example/{i}/{k}", PROSE.replace("{i}", f"{i}{k}").encode(), "", "", "", 0)


def crawl(site: Path, count: int) -> list[str]:
    paths = [f"crawl-data/{CRAWL}/segments/1/warc/{i:05d}.warc.gz" for i in range(count)]
    for i, path in enumerate(paths):
        put(site / path, b"".join(record_of(page(i, k), "2026-01-01T00:00:00Z") for k in (1, 2)))
    put(site / f"crawl-data/{CRAWL}/warc.paths.gz", gzip.compress("\n".join(paths).encode()))
    return paths


def test_a_crawl_becomes_a_corpus_and_each_file_is_fetched_once(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = crawl(site, 6)
    line = f"corpus --from cc:{CRAWL} --files 2 --out c --no-progress --threads 1 --selected.minhash.bands 0".split()
    assert answer(line) == 0, capsys.readouterr().err
    rows = [row.split() for row in capsys.readouterr().out.splitlines()]
    assert ["read", "4", "4"] in rows and ["mix", "4", "4"] in rows
    asked = [f"/crawl-data/{CRAWL}/warc.paths.gz", f"/{paths[0]}", f"/{paths[3]}"]
    assert Site.asked == asked, "files evenly spread over the list"
    assert answer(line) == 0
    assert "Everything is up to date" in capsys.readouterr().out
    assert Site.asked == asked, "and nothing again"


def test_a_data_set_of_the_hub(site: Path) -> None:
    listing = [
        {"type": "directory", "path": "sample"},
        {"type": "file", "path": "sample/b.jsonl", "oid": "bb"},
        {"type": "file", "path": "sample/a.parquet", "oid": "x", "lfs": {"oid": "aa"}},
        {"type": "file", "path": "sample/README.md", "oid": "cc"},
        {"type": "file", "path": "../../outside.jsonl", "oid": "dd"},
        {"type": "file", "path": "/etc/outside.jsonl", "oid": "ee"},
    ]
    put(site / "api/datasets/owner/name/tree/main/sample.json", json.dumps(listing).encode())
    put(site / "datasets/owner/name/resolve/main/sample/b.jsonl", b'{"text": "here"}\n')
    sources = find(["hf:owner/name/sample"], files=9)
    assert [(s.name, s.format, s.fingerprint()) for s in sources] == [
        ("owner/name/sample/a.parquet", "parquet", "owner/name/sample/a.parquet aa"),
        ("owner/name/sample/b.jsonl", "jsonl", "owner/name/sample/b.jsonl bb"),
    ]
    remote.fetch(sources[1:], QUIET)
    assert sources[1].files[0].read_bytes() == b'{"text": "here"}\n' and sources[1].size() > 0


@pytest.mark.parametrize("name", ["cc:CC-MAIN", "cc:../x", "hf:owner", "hf:a/../b", "hf:owner/name/a b"])
def test_names_of_another_form_are_refused(name: str, site: Path) -> None:
    with pytest.raises(UsageError, match="is no"):
        find([name])
    assert Site.asked == []


def test_an_unknown_crawl_and_an_empty_one_say_so(site: Path) -> None:
    with pytest.raises(UsageError, match="answers 404"):
        find([f"cc:{CRAWL}"])
    put(site / f"crawl-data/{CRAWL}/wet.paths.gz", gzip.compress(b""))
    with pytest.raises(UsageError, match="lists no file"):
        find([f"cc:{CRAWL}/wet"])


def test_a_stop_while_fetching_keeps_what_has_arrived(site: Path) -> None:
    (path,) = crawl(site, 1)
    (source,) = find([f"cc:{CRAWL}"])
    how = How(progress=False)
    how.stop.request("a test")
    with pytest.raises(Stopped):
        remote.fetch([source], how)
    assert source.files[0].with_name("00000.warc.gz.part").stat().st_size > 0
    remote.fetch([source], QUIET)
    assert source.files[0].read_bytes() == (site / path).read_bytes()


@pytest.mark.parametrize(
    ("count", "picked"), [(1, [0]), (2, [0, 5]), (3, [0, 3, 6]), (10, [*range(10)]), (99, [*range(10)])]
)
def test_files_are_spread_evenly(count: int, picked: list[int]) -> None:
    assert remote.spread(range(10), count) == picked
