"""Records in and out: what is written is read back; each kind of damage has its name; nothing behind it is lost."""

from __future__ import annotations

import gzip
import random
import zlib
from pathlib import Path

import pytest

from trivium.ground.errors import UsageError
from trivium.stages.corpus.sources.page import Page
from trivium.stages.corpus.sources.warc import pages, record_of

DATE = "2026-01-01T00:00:00Z"
CAP = 1_000_000


def page(number: int, body: bytes | None = None) -> Page:
    noise = random.Random(number).randbytes(3000).hex().encode()
    return Page(f"http://site.example/{number}", body or b"<p>" + noise, "utf-8", "CC0-1.0", "tests", 0)


def record(http: bytes, declared: int | None = None, kind: str = "response", url: str = "http://odd.example/") -> bytes:
    head = (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:0>\r\nWARC-Target-URI: {url}\r\n"
        f"WARC-Date: {DATE}\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {declared or len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def response(body: bytes, headers: str = "Content-Type: text/html", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n".encode() + body


def read(path: Path, data: bytes) -> list[tuple[str, str]]:
    path.write_bytes(data)
    return [(found.url.rpartition("/")[2], found.failed) for found in pages(path, CAP)]


FIRST, LAST = record_of(page(1), DATE), record_of(page(2), DATE)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    written = [page(n, f"<p>page {n} é</p>".encode()) for n in range(5)]
    members = [record_of(one, DATE) for one in written]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(members))
    found = list(pages(path, CAP))
    assert [(p.url, p.body, p.charset, p.licence, p.origin, p.failed) for p in found] == [
        (p.url, p.body, p.charset, p.licence, p.origin, "") for p in written
    ]
    assert [p.offset for p in found] == [sum(map(len, members[:n])) for n in range(5)]
    assert record_of(written[0], DATE) == members[0]


def test_a_plain_file_is_read(tmp_path: Path) -> None:
    plain = gzip.decompress(FIRST) + gzip.decompress(LAST)
    assert read(tmp_path / "a.warc", plain) == [("1", ""), ("2", "")]
    assert read(tmp_path / "b.warc", plain[:-2000]) == [("1", ""), ("2", "truncated")]


def test_other_records_are_passed_over(tmp_path: Path) -> None:
    info = gzip.compress(record(b"software: x\r\n", kind="warcinfo"))
    again = gzip.compress(record(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", kind="revisit"))
    assert read(tmp_path / "a.warc.gz", info + FIRST + again + info + LAST) == [("1", ""), ("2", "")]
    assert read(tmp_path / "a.warc.gz", FIRST + again + LAST + again[:-30])[2:] == [("", "truncated")]


@pytest.mark.parametrize(
    ("damaged", "reasons"),
    [
        (record_of(page(9), DATE)[:2000], ["truncated", "damaged"]),
        (gzip.compress(record(response(b"<p>x</p>"), declared=9000)), ["truncated"]),
        (b"no record at all" * 20, ["damaged"]),
        (b"\x00" * 5000, ["damaged"]),
        (record_of(page(9), DATE)[:1000] + b"\xff" * 40 + record_of(page(9), DATE)[1040:], ["damaged", "truncated"]),
        (gzip.compress(record(response(b"<p>" * 2000), declared=500)), ["", "damaged"]),
    ],
)
def test_reading_goes_on_behind_damage(tmp_path: Path, damaged: bytes, reasons: list[str]) -> None:
    found = read(tmp_path / "a.warc.gz", FIRST + damaged + LAST)
    assert found[0] == ("1", "")
    assert found[-1] == ("2", ""), "the record behind the damage is still read"
    assert found[1:-1]
    assert {reason for _, reason in found[1:-1]} <= set(reasons)
    assert sum(1 for _, reason in found[1:-1] if reason) == 1, "damage is counted once"


@pytest.mark.parametrize("cut", [1, 5, 50, 500, 1500])
def test_a_file_that_breaks_off_says_so(tmp_path: Path, cut: int) -> None:
    found = read(tmp_path / "a.warc.gz", FIRST + LAST[:-cut])
    assert found[0] == ("1", "")
    assert len(found) == 2
    assert found[1][1] in ("truncated", "damaged") or cut <= 8, "all that matters is there but the checksum"


@pytest.mark.parametrize(
    ("http", "reason"),
    [
        (response(b"<p>x</p>", status="404 Not Found"), "bad_status"),
        (response(b"\x89PNG", "Content-Type: image/png"), "not_html"),
        (response(b""), "empty_body"),
        (response(b" \r\n\x00\x00"), "empty_body"),
        (b"hello", "not_http"),
        (b"", "not_http"),
        (response(b"<p>" * 500_000), "too_large"),
        (
            response(zlib.compress(b"0" * 50_000_000), "Content-Type: text/html\r\nContent-Encoding: deflate"),
            "too_large",
        ),
        (response(gzip.compress(b"0" * 50_000_000), "Content-Type: text/html\r\nContent-Encoding: gzip"), "too_large"),
        (response(b"\x1f\x8b broken", "Content-Type: text/html\r\nContent-Encoding: gzip"), "bad_encoding"),
        (response(b"\x0b\x02\x80brotli", "Content-Type: text/html\r\nContent-Encoding: br"), "bad_encoding"),
        (response(gzip.compress(b"<p>ok</p>"), "Content-Encoding: gzip"), ""),
        (response(b"<p>ok</p>", "Content-Encoding: br"), ""),
        (response(b"9\r\n<p>ok</p>\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), ""),
        (response(b"<p>ok</p>", "Transfer-Encoding: chunked"), ""),
    ],
)
def test_a_response_has_a_body_or_a_reason(tmp_path: Path, http: bytes, reason: str) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(record(http)) + LAST)
    found = list(pages(path, CAP))
    assert [one.failed for one in found] == [reason, ""]
    assert found[0].body == (b"" if reason else b"<p>ok</p>")


def test_a_bomb_is_passed_over_without_being_held(tmp_path: Path) -> None:
    bomb = gzip.compress(record(response(b"0" * 60_000_000)))
    assert read(tmp_path / "a.warc.gz", FIRST + bomb + LAST) == [("1", ""), ("", "too_large"), ("2", "")]


@pytest.mark.parametrize("data", [b"", b"hello world" * 100, gzip.compress(b"hello")])
def test_what_is_no_warc_is_refused_with_a_mend(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UsageError, match="Give a"):
        read(tmp_path / "a.warc.gz", data)


def test_random_damage_never_raises_and_never_hangs(tmp_path: Path) -> None:
    whole = b"".join(record_of(page(n, b"<p>" + b"text " * 50), DATE) for n in range(6))
    rng = random.Random(0)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(400, len(data))
            data[at : at + rng.randrange(1, 30)] = rng.randbytes(rng.randrange(0, 30))
        found = read(tmp_path / "a.warc.gz", bytes(data))
        assert found[0] == ("0", "")
        assert len(found) <= 14
