"""WARC files record by record: what each one holds, where it lies, and what is wrong with it. Every record comes back.

fastwarc reads; three things are ours: a record shorter than it says is named (fastwarc ends in silence there), reading
goes on at the next record after damage, and bodies are unpacked only up to a limit, so that a bomb stays small.
"""

from __future__ import annotations

import gzip
import hashlib
import mmap
import uuid
import zlib
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from trivium.ground.errors import UsageError
from trivium.stages.corpus.sources.page import Page

HEADERS = 100_000
"""Bytes that a record's HTTP headers may take beside its body."""
BROKEN = ("truncated", "damaged")
"""Failures behind which the next record has to be searched for."""
_GZIP = b"\x1f\x8b\x08"
_HTML = ("text/html", "application/xhtml+xml", "text/plain", "")


def pages(path: Path, max_body: int, first: int = 0) -> Generator[Page, None, None]:
    """Every response record of a WARC file (plain or gzip), and every conversion record (WET: text already), in order.
    Raises UsageError when the file is not one.

    `max_body` is the most bytes that a page may have, packed or unpacked.
    A record that breaks off, or bytes that are no record, come back as a failed Page; reading goes on at the next
    record that can be found behind. `first` is the place of a page: reading begins there.
    """
    size = path.stat().st_size
    if size == 0:
        raise UsageError(f"{path} is empty.", "Give a WARC file.")
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if _next_record(data, 0) != 0:
            raise UsageError(f"{path} does not begin with a WARC record.", "Give a .warc or .warc.gz file.")
        start: int | None = first
        unsaid: Page | None = None
        while start is not None:
            last, broken = start, False
            try:
                for page in _run(file, data, start, max_body):
                    if unsaid is not None and page.failed not in BROKEN:
                        yield unsaid
                    unsaid = None
                    yield page
                    last, broken = page.offset, page.failed in BROKEN
            except _Damage as damage:
                # Behind a good record: either the next one is broken, which the next run will say, or there is junk.
                last, broken = damage.position, True
                unsaid = _damage(damage.position, damage.place)
            start = _next_record(data, last + 1) if broken else None
        if unsaid is not None:
            yield unsaid


class _Damage(Exception):
    """Bytes behind the record at `position` that are no record."""

    def __init__(self, position: int, place: int) -> None:
        self.position, self.place = position, place


def _damage(position: int, place: int, failed: str = "damaged") -> Page:
    return Page("", b"", "", "", "", position, failed, position=position, place=place)


def _run(file: Any, data: mmap.mmap, start: int, max_body: int) -> Iterator[Page]:
    """Pages from the record at `start` on, up to the first broken one; raises _Damage for bytes behind a good one.

    Of several records in one gzip member only the first has a place of its own.
    """
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    file.seek(start)
    position, place = -1, start
    try:
        for record in ArchiveIterator(file, record_types=WarcRecordType.any_type, parse_http=False):
            position = record.stream_pos
            if position > place and _begins(data, position):
                place = position
            if record.record_type in (WarcRecordType.response, WarcRecordType.conversion):
                page = _page(record, position, place, max_body)
                yield page
                if page.failed in BROKEN:
                    return
            elif _skipped(record.reader, record.content_length) < record.content_length:
                yield _damage(position, place, "truncated")
                return
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, not the file's content
        if position < 0:
            yield _damage(start, start)
        else:
            raise _Damage(position, place) from error


def _skipped(reader: Any, declared: int) -> int:
    done = 0
    while done < declared and (piece := reader.read(min(1 << 20, declared - done))):
        done += len(piece)
    return done


def _read(reader: Any, declared: int) -> bytes:
    pieces = []
    while declared > 0 and (piece := reader.read(declared)):
        pieces.append(piece)
        declared -= len(piece)
    return b"".join(pieces)


def _page(record: Any, position: int, place: int, max_body: int) -> Page:
    from fastwarc.warc import WarcRecordType

    headers = {name.lower(): value for name, value in record.headers.items()}
    empty = Page(
        headers.get("warc-target-uri", "").strip("<>"),
        b"",
        "",
        headers.get("warc-x-license", ""),
        headers.get("warc-x-origin", ""),
        position,
        position=position,
        place=place,
    )
    declared = record.content_length
    if declared > max_body + HEADERS:
        whole = _skipped(record.reader, declared) == declared
        return replace(empty, failed="too_large" if whole else "truncated")
    block = _read(record.reader, declared)
    if len(block) < declared:
        return replace(empty, failed="truncated")
    if record.record_type == WarcRecordType.conversion:
        return _text(empty, block, max_body)
    return _opened(empty, block, max_body)


def _text(empty: Page, block: bytes, max_body: int) -> Page:
    """The page out of a conversion record, whose block is UTF-8 text."""
    if len(block) > max_body:
        return replace(empty, failed="too_large")
    if not block.strip(b"\x00 \t\r\n"):
        return replace(empty, failed="empty_body")
    return replace(empty, body=block, charset="utf-8", kind="text")


def _opened(empty: Page, block: bytes, max_body: int) -> Page:
    """The page out of an HTTP response: status line, headers, body in whatever encoding it was sent."""
    head, _, body = block.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    if not lines[0].startswith("HTTP/"):
        return replace(empty, failed="not_http")
    http = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    status = lines[0].split(" ")[1:2]
    if status != ["200"]:
        return replace(empty, failed="bad_status")
    kind, _, parameters = http.get("content-type", "").partition(";")
    if kind.strip().lower() not in _HTML:
        return replace(empty, failed="not_html")
    charset = parameters.lower().partition("charset=")[2].strip(" \"'").split(";")[0]
    try:
        if http.get("transfer-encoding", "").lower() == "chunked":
            body = _dechunked(body)
        for encoding in reversed(http.get("content-encoding", "").lower().replace(" ", "").split(",")):
            body = _unpacked(body, encoding, max_body)
    except (ValueError, zlib.error):
        return replace(empty, failed="bad_encoding")
    if len(body) > max_body:
        return replace(empty, failed="too_large")
    if not body.strip(b"\x00 \t\r\n"):
        return replace(empty, failed="empty_body")
    return replace(empty, body=body, charset=charset)


def _unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """The body unpacked up to one byte over the limit. Crawlers often store it unpacked and keep the header."""
    if encoding in ("gzip", "x-gzip", "deflate"):
        if encoding != "deflate" and not body.startswith(b"\x1f\x8b"):
            return body
        raw = encoding == "deflate" and body[:1] != b"\x78"
        return zlib.decompressobj(-15 if raw else 47).decompress(body, limit + 1)
    if encoding in ("", "identity") or not _looks_packed(body):
        return body
    raise ValueError(f"content-encoding {encoding!r}")


def _looks_packed(body: bytes) -> bool:
    return b"<" not in body[:1000]


def _dechunked(body: bytes) -> bytes:
    """The body of chunks; as it is when it is not in chunks (many crawlers join them and keep the header)."""
    parts: list[bytes] = []
    at = 0
    while at < len(body):
        end = body.find(b"\r\n", at)
        try:
            size = int(body[at:end].split(b";")[0], 16) if end >= 0 else -1
        except ValueError:
            size = -1
        if size < 0:
            return body if not parts else b"".join(parts)
        if size == 0:
            break
        parts.append(body[end + 2 : end + 2 + size])
        at = end + 4 + size
    return b"".join(parts)


def _next_record(data: mmap.mmap, start: int) -> int | None:
    """Where the next record begins at or behind `start`: a gzip member or plain bytes that open with WARC/."""
    magic = _GZIP if data[:3] == _GZIP else b"WARC/1."
    at = data.find(magic, start)
    while at >= 0:
        if magic != _GZIP or _opens_record(data[at : at + 4096]):
            return at
        at = data.find(magic, at + 1)
    return None


def _begins(data: mmap.mmap, at: int) -> bool:
    """Whether reading can begin at a record's position: the place of a member or, in a plain file, of the record."""
    head = data[at : at + 4096]
    return _opens_record(head) if data[:3] == _GZIP else head.startswith(b"WARC/1.")


def _opens_record(member: bytes) -> bool:
    try:
        return zlib.decompressobj(31).decompress(member, 5) == b"WARC/"
    except zlib.error:
        return False


def record_of(page: Page, date: str) -> bytes:
    """The page as a gzip member that holds one response record; the same page gives the same bytes. `date` is WARC's.

    HTTP headers are made up: 200, text/html, and the page's character set (utf-8 when it has none).
    """
    http = (
        f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset={page.charset or 'utf-8'}\r\n"
        f"Content-Length: {len(page.body)}\r\n\r\n"
    ).encode() + page.body
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{page.url}#{hashlib.sha256(page.body).hexdigest()}")
    head = (
        "WARC/1.1\r\nWARC-Type: response\r\n"
        f"WARC-Record-ID: <urn:uuid:{identity}>\r\nWARC-Target-URI: {page.url}\r\nWARC-Date: {date}\r\n"
        f"WARC-X-Origin: {page.origin}\r\nWARC-X-License: {page.licence}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + http + b"\r\n\r\n", 9, mtime=0)
