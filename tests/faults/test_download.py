"""A server that truncates, stalls, resets, redirects, refuses ranges, changes its file and asks for patience."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import pytest

from trivium.ground.errors import UsageError
from trivium.stages.corpus.sources import download as room
from trivium.stages.corpus.sources.download import Incomplete, Patience, download

DATA = Random(0).randbytes(700_000)
QUICK = Patience(tries=4, timeout=0.5, wait=0.01)


class Server(BaseHTTPRequestHandler):
    """Answers each path with the next of its misbehaviours, and well when they are used up."""

    plans: ClassVar[dict[str, list[str]]] = {}
    asked: ClassVar[list[tuple[str, str | None]]] = []
    data = DATA
    tag = '"one"'

    def do_GET(self) -> None:
        plan = self.plans.get(self.path, [])
        self.asked.append((self.path, self.headers.get("Range")))
        getattr(self, f"do_{plan.pop(0)}" if plan else "well")()

    def well(self, cut: int | None = None, tag: str | None = None) -> None:
        start = 0
        asked = self.headers.get("Range")
        if asked and self.headers.get("If-Range") == self.tag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(self.data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(self.data)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(self.data) - 1}/{len(self.data)}")
        self.send_header("Content-Length", str(len(self.data) - start))
        self.send_header("ETag", self.tag if tag is None else tag)
        self.end_headers()
        self.wfile.write(self.data[start:] if cut is None else self.data[start : start + cut])

    def do_truncate(self) -> None:
        self.well(cut=200_000)
        self.close_connection = True

    def do_stall(self) -> None:
        self.well(cut=100_000)
        self.wfile.flush()
        threading.Event().wait(1.5)

    def do_reset(self) -> None:
        import socket
        import struct

        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def do_busy(self) -> None:
        self.send_response(429)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_down(self) -> None:
        self.send_error(503)

    def do_moved(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/file")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_norange(self) -> None:
        del self.headers["Range"]
        self.well()

    def do_weak(self) -> None:
        self.well(cut=200_000, tag='W/"weak"')
        self.close_connection = True

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Server.plans, Server.asked, Server.data, Server.tag = {}, [], DATA, '"one"'
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "plan",
    [
        [],
        ["truncate"],
        ["truncate", "truncate", "truncate"],
        ["stall"],
        ["reset", "reset"],
        ["busy", "down"],
        ["moved"],
        ["truncate", "norange"],
        ["weak"],
        ["busy", "truncate", "down", "reset", "stall", "truncate", "busy"],
    ],
    ids="-".join,
)
def test_the_file_arrives_whole_whatever_happens(plan: list[str], server: str, tmp_path: Path) -> None:
    Server.plans["/file"] = [*plan] if plan != ["moved"] else []
    Server.plans["/old"] = ["moved"]
    moved: list[int] = []
    path = download(f"{server}/{'old' if plan == ['moved'] else 'file'}", tmp_path / "a" / "file", QUICK, moved.append)
    assert path.read_bytes() == DATA
    assert [p.name for p in path.parent.iterdir()] == ["file"], "no part and no tag stay"
    assert sum(moved) >= len(DATA)


def test_what_is_there_is_not_asked_for_again(server: str, tmp_path: Path) -> None:
    for _ in range(2):
        download(f"{server}/file", tmp_path / "file", QUICK)
    assert len(Server.asked) == 1


def test_a_killed_download_goes_on_where_it_was(server: str, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(DATA[:300_000])
    (tmp_path / "file.tag").write_text(Server.tag, encoding="utf-8")
    assert download(f"{server}/file", tmp_path / "file", QUICK).read_bytes() == DATA
    assert Server.asked == [("/file", "bytes=300000-")]


def test_a_part_that_was_whole_already_is_taken(server: str, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(DATA)
    (tmp_path / "file.tag").write_text(Server.tag, encoding="utf-8")
    assert download(f"{server}/file", tmp_path / "file", QUICK).read_bytes() == DATA


@pytest.mark.parametrize("tag", ['"another"', "", 'W/"weak"'])
def test_parts_of_another_version_are_thrown_away(tag: str, server: str, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(b"old" * 50_000)
    (tmp_path / "file.tag").write_text(tag, encoding="utf-8")
    assert download(f"{server}/file", tmp_path / "file", QUICK).read_bytes() == DATA


def test_a_server_that_stays_silent_is_given_up_and_what_arrived_stays(server: str, tmp_path: Path) -> None:
    Server.plans["/file"] = ["truncate", *["down"] * 50]
    with pytest.raises(Incomplete, match="503"):
        download(f"{server}/file", tmp_path / "file", QUICK)
    assert (tmp_path / "file.part").read_bytes() == DATA[:200_000]
    Server.plans.clear()
    assert download(f"{server}/file", tmp_path / "file", QUICK).read_bytes() == DATA
    assert Server.asked[-1] == ("/file", "bytes=200000-")


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(Incomplete, match="could not be fetched"):
        download("http://127.0.0.1:9/file", tmp_path / "file", Patience(tries=2, wait=0.01, timeout=0.5))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a.example/x"])
def test_only_the_web_is_asked(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no web address"):
        download(url, tmp_path / "file")


def test_an_unknown_address_is_no_network_trouble(server: str, tmp_path: Path) -> None:
    Server.do_gone = lambda self: self.send_error(404)  # type: ignore[attr-defined]
    Server.plans["/file"] = ["gone"]
    with pytest.raises(UsageError, match="answers 404"):
        download(f"{server}/file", tmp_path / "file", QUICK)
    assert len(Server.asked) == 1


def test_a_full_disk_is_said_at_once(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _piece: bytes) -> None:
            raise OSError(28, "No space left on device")

    original = room._write
    monkeypatch.setattr(room, "_write", lambda _file, piece, part: original(Full(), piece, part))
    with pytest.raises(OSError, match="No space left"):
        download(f"{server}/file", tmp_path / "file", QUICK)
    assert len(Server.asked) == 1


@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7.0), (None, 3.0), ("soon", 3.0), ("Wed, 01 Jan 2020 00:00:00 GMT", 0.0)]
)
def test_how_long_a_server_asks_to_wait(said: str | None, seconds: float) -> None:
    assert room._told_to_wait(said, 3.0) == seconds
