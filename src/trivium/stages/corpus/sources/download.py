"""Fetching a large file over HTTP so that it arrives whole: resumed where it broke off, tried again when told to wait.

A part lies beside its place as `<name>.part` with the file's tag in `<name>.tag`, so that a killed run goes on where it
was and never joins two versions of a file. The only room that fetches files.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from trivium.ground.errors import TriviumError, UsageError

CHUNK = 1 << 18
AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))
"""Answers after which a server may answer better later."""
LONGEST_WAIT = 120.0


@dataclass(frozen=True)
class Patience:
    """How long a download holds out."""

    tries: int = 8
    """Attempts in a row that bring nothing new before it gives up."""
    timeout: float = 30.0
    """Seconds of silence after which a connection counts as dead."""
    wait: float = 1.0
    """Seconds before the second attempt; doubled each time, unless the server says how long."""


class Incomplete(TriviumError):
    """A file that could not be fetched whole; what has arrived stays, and the same command goes on from there."""


def download(
    url: str, to: Path, patience: Patience = Patience(), moved: Callable[[int], None] = lambda _bytes: None
) -> Path:
    """Fetch `url` into the file `to`, unless it is there; parents are made. `moved` hears of every bytes that arrive.

    Raises Incomplete when the server stays silent, UsageError for an address that it does not know.
    """
    if to.is_file():
        return to
    if not url.startswith(("https://", "http://")):
        raise UsageError(f"{url!r} is no web address.", "It begins with https://.")
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_name(to.name + ".part")
    failures, said = 0, ""
    while failures < patience.tries:
        before = _size(part)
        wait = patience.wait * 2.0**failures
        try:
            if _attempt(url, part, patience.timeout, moved):
                os.replace(part, to)
                _tag_of(part).unlink(missing_ok=True)
                return to
            said = "the connection ended early"
        except urllib.error.HTTPError as error:
            if error.code not in AGAIN:
                raise UsageError(f"{url} answers {error.code} {error.reason}.", "Is the address right?") from error
            said, wait = f"{error.code} {error.reason}", _told_to_wait(error.headers.get("Retry-After"), wait)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.filename is not None:
                raise  # the disk, not the network
            said = str(error) or type(error).__name__
        failures = 0 if _size(part) > before else failures + 1
        if failures < patience.tries:
            time.sleep(min(wait, LONGEST_WAIT))
    raise Incomplete(f"{url} could not be fetched: {said}.", "The same command goes on where it broke off.")


def _attempt(url: str, part: Path, timeout: float, moved: Callable[[int], None]) -> bool:
    """One connection: appends to the part what is missing. Whether the file is whole then."""
    have, tag = _size(part), _read_tag(part)
    headers = {"User-Agent": "trivium (corpus)", "Accept-Encoding": "identity"}
    if have and tag:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - http(s) only, checked by the caller
    try:
        answer = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing behind what is here: whole, or of another version
            whole = _total(error.headers.get("Content-Range"))
            if whole == have:
                return True
            part.unlink(missing_ok=True)
            return False
        raise
    with answer:
        goes_on = answer.status == 206
        have = have if goes_on else 0
        length = answer.headers.get("Content-Length")
        total = _total(answer.headers.get("Content-Range")) if goes_on else (int(length) if length else None)
        _write_tag(part, answer.headers.get("ETag") or answer.headers.get("Last-Modified") or "")
        with open(part, "ab" if goes_on else "wb") as file, contextlib.suppress(http.client.IncompleteRead):
            while piece := answer.read(CHUNK):
                _write(file, piece, part)
                moved(len(piece))
    return total is None or _size(part) == total


def _write(file: object, piece: bytes, part: Path) -> None:
    """Write a piece; a full disk is told from a broken network by the file's name in the error."""
    try:
        file.write(piece)  # type: ignore[attr-defined]
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(part)) from error


def _told_to_wait(said: str | None, otherwise: float) -> float:
    """Seconds of a Retry-After header: a number or a date."""
    if not said:
        return otherwise
    if said.strip().isdigit():
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (TypeError, ValueError):
        return otherwise


def _total(content_range: str | None) -> int | None:
    """The whole size in `bytes 5-9/10`."""
    size = (content_range or "").rpartition("/")[2]
    return int(size) if size.isdigit() else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _tag_of(part: Path) -> Path:
    return part.with_name(part.name.removesuffix(".part") + ".tag")


def _read_tag(part: Path) -> str:
    """The tag of the version that the part is of; weak tags promise no equal bytes."""
    tag = _tag_of(part).read_text(encoding="latin-1") if _tag_of(part).is_file() else ""
    return "" if tag.startswith("W/") else tag


def _write_tag(part: Path, tag: str) -> None:
    _tag_of(part).write_text(tag, encoding="latin-1")
