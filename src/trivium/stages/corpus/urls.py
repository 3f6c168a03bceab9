"""What a URL says before its page is opened: its host, and words that spam and adult sites put into addresses.

FineWeb's lists (UT1) may not be shipped; the words here are a short list of our own, and the user brings domain lists.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import unquote, urlsplit

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
