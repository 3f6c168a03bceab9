"""The script that chooses the bundled sample: licences first, then the filters, and the same bytes every time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from trivium.stages.corpus.sources.page import Page
from trivium.stages.corpus.sources.warc import pages, record_of

SCRIPT = Path(__file__).parents[3] / "scripts" / "choose_sample.py"
PROSE = (
    "The server keeps a list of the clients that have asked for a page. When a new request comes in, it is put at the "
    "end of the list, and the oldest one is answered first. This is simple, but it has a cost: a slow client can hold "
    "up all of the others. To avoid this, the administrator may set a limit. Requests that wait for longer than the "
    "limit are closed, and the reason is written to the log. Most sites will never need to change the default."
)


def page(url: str, licence: str, text: str) -> bytes:
    body = f"<html><body><main><h1>{url}</h1><p>{text}</p></main></body></html>".encode()
    return record_of(Page(url, body, "utf-8", licence, "set:package:path", 0), "2026-01-01T00:00:00Z")


def test_only_permissive_pages_of_known_holders_are_chosen(tmp_path: Path) -> None:
    members = [
        page("https://docs.python.org/a.html", "PSF-2.0", PROSE),
        page("https://docs.python.org/short.html", "PSF-2.0", "Too short to be of use."),
        page("https://docs.python.org/gpl.html", "GPL-2.0", PROSE),
        page("https://cmake.org/b.html", "BSD-3-Clause", PROSE.replace("server", "program")),
        page("https://unknown.example/c.html", "MIT", PROSE),
        page("https://www.sqlite.org/d.html", "CC-BY-SA-3.0", PROSE),
    ]
    (tmp_path / "all.warc.gz").write_bytes(b"".join(members))
    wanted = [sys.executable, str(SCRIPT), str(tmp_path / "all.warc.gz")]
    for out in ("one", "two"):
        subprocess.run([*wanted, str(tmp_path / out), "--share", "0.5"], check=True, capture_output=True)
    chosen = list(pages(tmp_path / "one" / "pages.warc.gz", 10_000_000))
    assert sorted(one.url.rpartition("/")[2] for one in chosen) == ["a.html", "b.html", "short.html"]
    assert {one.licence for one in chosen} == {"PSF-2.0", "BSD-3-Clause"}
    text = (tmp_path / "one" / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert "| Python documentation | docs.python.org | PSF-2.0 | 2 |" in text
    assert "Kitware" in text
    for name in ("pages.warc.gz", "ATTRIBUTION.md"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
