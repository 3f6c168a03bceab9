"""A page of the web, shown but never run: rebuilt from a short list of tags, for an iframe that may do nothing.

Four walls, each enough alone against scripts: only listed tags and attributes are written, and all text is escaped; the
frame has the attribute `sandbox` without any permission; the document in it has a content security policy that loads
nothing; and `srcdoc` is escaped by the template like any text.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from markupsafe import escape

BLOCKS = frozenset(
    "address article aside blockquote body br caption center dd details dialog div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hr html li main nav ol option p pre section select summary table tbody td tfoot "
    "th thead tr ul".split()
)
"""Tags at which a run of text ends."""
TAGS = (BLOCKS - frozenset("body html form select option fieldset dialog details summary".split())) | frozenset(
    "a abbr b bdi bdo cite code data del dfn em i ins kbd q s samp small span strong sub sup time u var".split()
)
EMPTY = frozenset(("br", "hr"))
SILENT = frozenset("script style title iframe object noscript template svg math textarea audio video".split())
"""Tags whose content is not shown."""
SPANS = frozenset(("colspan", "rowspan"))
MOST_SPAN = 50
STYLE = """
:root{color-scheme:light dark;font:14px/1.5 system-ui,sans-serif;--ink:#23211d;--soft:#77726a;--kept:#d5ecdf;
--hair:#ddd8cd}
@media(prefers-color-scheme:dark){:root{--ink:#e6e2d8;--soft:#96907f;--kept:#1d4a39;--hair:#3d3a32;background:#1b1a17}}
body{margin:12px;color:var(--soft);overflow-wrap:break-word}mark{background:var(--kept);color:var(--ink)}
table{border-collapse:collapse}td,th{border:1px solid var(--hair);padding:2px 6px;vertical-align:top;text-align:left}
pre{white-space:pre-wrap;border-left:3px solid var(--hair);padding-left:8px}h1{font-size:20px}h2{font-size:17px}
h3,h4,h5,h6{font-size:14px}a{text-decoration:underline dotted}.image{border:1px dashed var(--hair);padding:0 4px}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
SURE = 24
"""Letters and digits of a run of text from which on it counts as kept inside a line, rather than as one."""


def srcdoc(html: str, text: str = "") -> str:
    """A document for `srcdoc` that shows the page's structure and words; what the extracted text has of it is marked.

    The template has to escape it as an attribute's value.
    """
    reader = _Rebuilder(text)
    reader.feed(html.replace("<![", "&lt;!["))
    reader.close()
    reader.end_run()
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{STYLE}</style>'
    return f"<!doctype html><html><head>{head}</head><body>{''.join(reader.out)}</body></html>"


def folded(text: str) -> str:
    """The letters and digits of a text, in lower case: what two ways of writing it have in common."""
    return "".join(filter(str.isalnum, text.casefold()))


class _Rebuilder(HTMLParser):
    """Writes what it reads anew, from listed tags and escaped text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._lines = {folded(line) for line in text.splitlines()}
        self._whole = folded(text)
        self._silent = ""
        self._run: list[int] = []
        """Where in `out` the texts of the run are."""
        self._said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._silent:
            return
        if tag in BLOCKS:
            self.end_run()
        if tag in SILENT:
            self._silent = tag
        elif tag == "img":
            words = " ".join(next((value or "" for name, value in attrs if name == "alt"), "").split())[:100]
            self.out.append(f'<span class="image">image{escape(": " + words if words else "")}</span>')
        elif tag in TAGS:
            spans = [f' {name}="{min(int(value), MOST_SPAN)}"' for name, value in attrs
                     if name in SPANS and value and re.fullmatch("[0-9]{1,6}", value)]  # fmt: skip
            self.out.append(f"<{tag}{''.join(spans)}>")

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag == self._silent:
                self._silent = ""
            return
        if tag in BLOCKS:
            self.end_run()
        if tag in TAGS and tag not in EMPTY:
            self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if data.strip():
            self._run.append(len(self.out))
            self._said.append(data)
        self.out.append(str(escape(data)))

    def end_run(self) -> None:
        """Mark the run's texts when the extracted text has them."""
        said = folded("".join(self._said))
        if said and (said in self._lines or (len(said) >= SURE and said in self._whole)):
            for place in self._run:
                self.out[place] = f"<mark>{self.out[place]}</mark>"
        self._run.clear()
        self._said.clear()
