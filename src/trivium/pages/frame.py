"""A page of the web, shown but never run: rebuilt from a short list of tags, for an iframe that may do nothing.

Four walls, each enough alone against scripts: only listed tags and attributes are written, and all text is escaped; the
frame has the attribute `sandbox` without any permission; the document in it has a content security policy that loads
nothing; and `srcdoc` is escaped by the template like any text.
"""

from __future__ import annotations

import re
from html import unescape

from markupsafe import escape

BLOCKS = frozenset(
    "address article aside blockquote body br caption center dd details dialog div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hr html li main nav ol option p pre section select summary table tbody td "
    "tfoot th thead tr ul".split()
)
"""Tags at which a run of text ends."""
TAGS = (BLOCKS - frozenset("body html form select option fieldset dialog details summary".split())) | frozenset(
    "a abbr b bdi bdo cite code data del dfn em i ins kbd q s samp small span strong sub sup time u var".split()
)
EMPTY = frozenset(("br", "hr"))
SILENT = frozenset("script style title iframe object noscript template svg math textarea audio video".split())
"""Tags whose content is not shown."""
SPANS = ("colspan", "rowspan")
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
# Possessive throughout, and whatever has no end ends the page: each character is looked at once.
_OPENS = re.compile(r"<(?:!--|[!?]|(/?)([a-zA-Z][^\s/>]*+))")
_REST = re.compile(r"""((?:[^>=]++|=\s*+"[^"]*+"|=\s*+'[^']*+'|=)*+)>""")
_VALUE = re.compile(r"""\b(alt|colspan|rowspan)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""", re.IGNORECASE)
_COMMENT_END, _ANGLE = re.compile("-->"), re.compile(">")
_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])[^>]*+>?", re.IGNORECASE) for name in SILENT}


def srcdoc(html: str, text: str = "") -> str:
    """A document for `srcdoc` that shows the page's structure and words; what the extracted text has of it is marked.

    The template has to escape it as an attribute's value. Time is linear in the page's length.
    """
    body = "".join(_Rebuilder(text).read(html))
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{STYLE}</style>'
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>"


def folded(text: str) -> str:
    """The letters and digits of a text, in lower case: what two ways of writing it have in common."""
    return "".join(filter(str.isalnum, text.casefold()))


class _Rebuilder:
    """Writes what it reads anew, from listed tags and escaped text."""

    def __init__(self, text: str) -> None:
        self._out: list[str] = []
        self._lines = {folded(line) for line in text.splitlines()}
        self._whole = folded(text)
        self._places: list[int] = []
        """Where in `_out` the texts of the current run are."""
        self._said: list[str] = []

    def read(self, html: str) -> list[str]:
        """The pieces of the page, anew."""
        at = 0
        while (tag := _OPENS.search(html, at)) is not None:
            self._text(html[at : tag.start()])
            if tag[2]:
                end = _REST.match(html, tag.end())
                if end is not None:
                    name = tag[2].lower()
                    self._tag(name, bool(tag[1]), end[1])
                    if name in SILENT and not tag[1] and not (name in ("svg", "math") and end[1].endswith("/")):
                        end = _ENDS[name].search(html, end.end())
            else:
                end = (_COMMENT_END if tag[0] == "<!--" else _ANGLE).search(html, tag.end())
            if end is None:
                break
            at = end.end()
        else:
            self._text(html[at:])
        self._end_run()
        return self._out

    def _tag(self, name: str, closes: bool, attributes: str) -> None:
        if name in BLOCKS:
            self._end_run()
        if closes:
            self._out += [f"</{name}>"] if name in TAGS and name not in EMPTY else []
            return
        values = {m[1].lower(): unescape(m[2] or m[3] or m[4] or "") for m in _VALUE.finditer(attributes)}
        if name == "img":
            words = " ".join(values.get("alt", "").split())[:100]
            self._out.append(f'<span class="image">image{escape(": " + words if words else "")}</span>')
        elif name in TAGS:
            spans = (
                f' {key}="{min(int(values[key]), MOST_SPAN)}"'
                for key in SPANS
                if re.fullmatch("[0-9]{1,6}", values.get(key, ""))
            )
            self._out.append(f"<{name}{''.join(spans)}>")

    def _text(self, raw: str) -> None:
        said = unescape(raw)
        if said.strip():
            self._places.append(len(self._out))
            self._said.append(said)
        self._out.append(str(escape(said)))

    def _end_run(self) -> None:
        """Mark the run's texts when the extracted text has them."""
        said = folded("".join(self._said))
        if said and (said in self._lines or (len(said) >= SURE and said in self._whole)):
            for place in self._places:
                self._out[place] = f"<mark>{self._out[place]}</mark>"
        self._places.clear()
        self._said.clear()
