"""What a URL says before its page is opened: its host, words that spam and adult sites put into addresses, lists.

FineWeb's lists (UT1) may not be shipped; the words here are a short list of our own, and the user brings lists of hosts
and addresses. A list of millions is held as sorted hashes, 8 bytes an entry.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from trivium.ground.errors import UsageError

HARD_WORDS = frozenset("porn porno xxx hentai milf camgirl camgirls escorts sexcam sexcams pornstar".split())
"""One of them as a whole word is enough."""
SOFT_WORDS = frozenset(
    "sex nude nudes naked adult casino casinos betting poker slots viagra cialis payday dating "
    "webcam escort jackpot".split()
)
"""Two different ones are enough."""
_WORD = re.compile(r"[a-z0-9]+")


def host_of(url: str) -> str:
    """The host in lower case, without port; "" when the URL is no absolute http(s) one."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").rstrip(".") if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""


def url_scores(url: str) -> dict[str, float]:
    """How many different hard and soft words the URL holds."""
    words = set(_WORD.findall(unquote(url).lower()))
    return {"url_hard_words": len(words & HARD_WORDS), "url_soft_words": len(words & SOFT_WORDS)}


def is_listed(host: str, domains: Collection[str]) -> bool:
    """Whether the host or a domain that it belongs to is in the collection."""
    labels = host.split(".")
    return any(".".join(labels[i:]) in domains for i in range(len(labels)))


class UrlLists:
    """Lists of hosts and addresses by name: a file's own, or its folder's where it is called domains or urls (UT1)."""

    def __init__(self, places: Iterable[str]) -> None:
        """Raises UsageError for a place that is not there or that holds no list."""
        self._lists = [(name, _hashes(path)) for place in places for name, path in list_files(place)]

    def find(self, url: str, host: str) -> str:
        """The name of the first list that has the address, its host, or a domain above it; "" when none has."""
        if not self._lists:
            return ""
        import numpy as np

        labels = host.split(".") if host else []
        names = [".".join(labels[i:]) for i in range(len(labels))] + [_bare(url)]
        wanted = np.array([_hash(name) for name in names], np.uint64)
        for name, known in self._lists:
            at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
            if (known[at] == wanted).any():
                return name
        return ""


def list_files(place: str) -> list[tuple[str, Path]]:
    """The lists of a file or of a folder (also its folders'), by name."""
    path = Path(place)
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else []
    if not files:
        raise UsageError(f"{place} is no list of addresses.", "Give a text file, or a folder of such: one host a line.")
    plain = ("domains", "urls")
    return [(file.parent.name if file.name in plain and file.parent.name else file.stem, file) for file in files]


def list_fingerprints(places: Iterable[str]) -> dict[str, str]:
    """The hash of each list's file: what an artifact's identity holds of it."""
    found = {}
    for i, place in enumerate(places):
        for name, path in list_files(place):
            with path.open("rb") as file:
                found[f"list {i} {name}/{path.name}"] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _hashes(path: Path) -> Any:
    """The hashes of a file's entries, sorted (uint64)."""
    import numpy as np

    found = np.fromiter(map(_hash, _entries(path)), np.uint64)
    if not len(found):
        raise UsageError(f"{path} lists nothing.", "One host or address a line; # begins a remark.")
    return np.unique(found)


def _entries(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            entry = line.partition("#")[0].strip()
            if entry:
                yield _bare(entry)


def _bare(url: str) -> str:
    """An address without scheme, www. and last slash, in lower case; a host stays what it is."""
    rest = url.lower().partition("://")[2] or url.lower()
    return rest.removeprefix("www.").rstrip("/")


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest(), "little")
