"""Bytes to text: the page's character set, its limits, and its main content without menus, code blocks and markup.

Main content is by our own extractor (`extractor/`). Two others are there to compare with: resiliparse (which DCLM
chose, arXiv 2406.11794) and trafilatura (FineWeb, arXiv 2406.17557). Their parsers are quadratic for two page shapes
(deep nesting, thousands of attributes in one tag), which are refused for them.
"""

from __future__ import annotations

import codecs
import re
from itertools import accumulate
from pathlib import Path

from trivium.ground.errors import UsageError

OWN, RESILIPARSE, TRAFILATURA = "trivium", "resiliparse", "trafilatura"
EXTRACTORS = (OWN, RESILIPARSE, TRAFILATURA)
NOT_NESTING = (
    "area|base|br|col|dd|dt|embed|hr|img|input|li|link|meta|option|p|source|t[dhr]|track|wbr"
    "|path|circle|ellipse|rect|line|polygon|polyline|stop|use"
)
"""Elements that HTML closes by itself, and the shapes of SVG: unclosed, they do not nest."""
FEW_TAGS = 1000
MANY_ATTRIBUTES = 2000
SKIPPED = (
    "nav",
    "script",
    "style",
    "noscript",
    "template",
    "svg",
    "math",
    ".headerlink",
    ".viewcode-link",
    ".toctree-wrapper",
)
CODE = ("pre",)

_TAG = re.compile(rf"<(/?)(?!/?(?:{NOT_NESTING})\b)[a-z]", re.IGNORECASE)
_LONG_TAG = re.compile(r"<[a-z][^<>]{8000,}", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_META = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w:.-]{2,40})", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff\u200b\ufeff\u00ad]")
_BLANKS = re.compile(r"[ \t\u00a0]+")
_HEADING = re.compile(r"^#{1,6} ", re.MULTILINE)
_GAPS = re.compile(r"\n{3,}")
_BULLET = re.compile(r"^[ \t]*[•◦▪·*][ \t]+", re.MULTILINE)
_EMPTY_BULLET = re.compile(r"^[ \t]*[-•][ \t]*\n", re.MULTILINE)
_BINARY = (b"%PDF", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"PK\x03\x04", b"\x1f\x8b", b"RIFF", b"\x00\x00\x00", b"BM")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CONTROLS = re.compile("[\x00-\x06\x0e-\x12\x14-\x17]")
"""Control characters that no text in any language holds, and NUL."""
_SUSPECT = (*(bytes([code]) for code in (*range(7), *range(14, 19), *range(20, 24))), "\ufffd".encode())
"""What a page in UTF-8 must hold to be worth a second look."""
_MOST_UNREADABLE = 0.01
"""Share of characters that may fail to decode; beyond it the page is in another character set."""


class Unreadable(Exception):
    """A page without text, with the reason that the funnel counts."""


def decode(body: bytes, declared: str = "") -> tuple[str, str]:
    """The page as text and the character set it was in. Raises Unreadable("bad_charset" or "not_html").

    Tried in order: byte order mark, strict UTF-8, the header's, the page's own <meta>, detection. A name that Python
    does not know is passed over; a wrong one shows by what it cannot decode.
    """
    if body.startswith(_BINARY) and not body.startswith(b"\x00\x00\x00<"):
        raise Unreadable("not_html")
    for mark, name in _BOMS:
        if body.startswith(mark):
            return _checked(body[len(mark) :].decode(name, "replace")), name
    try:
        text = body.decode()
        return (_checked(text) if any(map(body.__contains__, _SUSPECT)) else text), "utf-8"
    except UnicodeDecodeError:
        pass
    from resiliparse.parse.encoding import detect_encoding

    meta = _META.search(body[:4096])
    tried = [declared, meta[1].decode("ascii", "replace") if meta else "", detect_encoding(body) or "", "utf-8"]
    names = [name for name in dict.fromkeys(map(_known, tried)) if name]
    texts = {name: body.decode(name, "replace") for name in names}
    best = min(texts, key=lambda name: _unreadable(texts[name]))
    return _checked(texts[best]), best


def check_tags(html: str, max_tags: int) -> None:
    """Raise Unreadable("too_many_tags") for a page with more."""
    if html.count("<") > max_tags:
        raise Unreadable("too_many_tags")


def check_shape(html: str, max_depth: int) -> None:
    """Raise Unreadable("too_deep" or "too_many_attributes") for a page that would stall another's parser.

    The depth is an upper bound (unclosed elements count as open), walked only where there are enough tags to matter.
    """
    if html.count("<") > min(FEW_TAGS, max_depth):
        steps = (-1 if match[1] else 1 for match in _TAG.finditer(html))
        if max(accumulate(steps), default=0) > max_depth:
            raise Unreadable("too_deep")
    for match in _LONG_TAG.finditer(html):
        if len(_SPACE.findall(match[0])) > MANY_ATTRIBUTES:
            raise Unreadable("too_many_attributes")


def main_text(html: str, extractor: str = OWN, keep_code: bool = False) -> str:
    """The main content, paragraphs apart by an empty line. Raises Unreadable("no_text").

    `extractor` is one of EXTRACTORS, or the folder of a trained model of our own. Ours gives Markdown-like text.
    """
    if extractor == RESILIPARSE:
        text = tidy(_by_resiliparse(html, keep_code))
    elif extractor == TRAFILATURA:
        text = tidy(_by_trafilatura(html))
    else:
        from trivium.stages.corpus.extractor.keep import extract
        from trivium.stages.corpus.extractor.model import load

        text = clean(extract(html, keep_code, load(None if extractor == OWN else Path(extractor))))
    if not text:
        raise Unreadable("no_text")
    return text


def clean(text: str) -> str:
    """Our extractor's text without control characters and pilcrows of headings; its spaces are in order already."""
    return _CONTROL.sub("", text).replace("¶", "").strip()


def tidy(text: str) -> str:
    """One kind of space, bullet and gap; no control characters, pilcrows of headings or empty bullets."""
    text = _CONTROL.sub("", text).replace("¶", "").replace("\r", "")
    text = _BULLET.sub("- ", _BLANKS.sub(" ", text))
    text = _EMPTY_BULLET.sub("", text)
    text = "\n".join(line.strip() for line in text.split("\n"))
    return _GAPS.sub("\n\n", text).strip()


def unmarked(text: str) -> str:
    """The text without the marks of headings: what filters count symbols in, since their limits are for plain text."""
    return _HEADING.sub("", text)


def _by_resiliparse(html: str, keep_code: bool) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    skipped = SKIPPED if keep_code else SKIPPED + CODE
    text: str = extract_plain_text(html, main_content=True, alt_texts=False, skip_elements=list(skipped))
    return text


def _by_trafilatura(html: str) -> str:
    """With FineWeb's options. Raises UsageError where it is not installed."""
    try:
        import trafilatura
    except ImportError:
        raise UsageError("trafilatura is not installed.", "pip install 'trivium[trafilatura]'") from None

    text = trafilatura.extract(html, favor_precision=True, include_comments=False, deduplicate=True)
    return text or ""


def _known(name: str) -> str:
    """Python's name of a character set of the web (its latin-1 is cp1252, as in browsers), or ""."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    label = map_encoding_to_html5(name.strip(), fallback_utf8=False) if name.strip() else None
    try:
        return codecs.lookup(label).name if label else ""
    except LookupError:
        return ""


def _unreadable(text: str) -> float:
    """The share of characters that could not be decoded."""
    return text.count("\ufffd") / max(len(text), 1)


def _checked(text: str) -> str:
    """The text without NULs. Raises Unreadable: "bad_charset" when much was not decoded, "not_html" for binary."""
    if _unreadable(text) > _MOST_UNREADABLE:
        raise Unreadable("bad_charset")
    control = _CONTROLS.findall(text)
    if sum(char != "\x00" for char in control) > len(text) * _MOST_UNREADABLE:
        raise Unreadable("not_html")
    return text.replace("\x00", "") if control else text
