"""Pages of the web in a frame: their words are there, and nothing of them can run, load or leave."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.pages.frame import POLICY, SPANS, TAGS, srcdoc

OURS = {"html", "head", "meta", "style", "body", "mark", "span"}
HOSTILE = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT >",
    "<scr<script>ipt>alert(1)</script>",
    "</iframe><script>top.document.title='owned'</script>",
    "</body></html><script>alert(1)</script>",
    '"><script>alert(1)</script><p title="',
    "<img src=x onerror=alert(1)>",
    "<img src='https://evil.example/a.png' alt='\"><script>alert(1)</script>'>",
    "<svg onload=alert(1)><a xlink:href=javascript:alert(1)>x</a></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example/><base target=_top>",
    "<a href='javascript:alert(1)' target=_top ping=https://evil.example>go</a>",
    "<form action=https://evil.example><input autofocus onfocus=alert(1)><button formaction=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe><iframe src=https://evil.example></iframe>",
    "<object data=https://evil.example></object><embed src=https://evil.example>",
    "<link rel=stylesheet href=https://evil.example/a.css><style>@import 'https://evil.example/a.css'</style>",
    "<p style='background:url(https://evil.example/a.png)' class=x id=y>styled</p>",
    "<video poster=https://evil.example/a.png src=x autoplay><source src=y></video>",
    "<!--><script>alert(1)</script-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<!DOCTYPE html [<!ENTITY x '<script>'>]>",
    "<td colspan='1 onclick=alert(1)' rowspan=999999>cell</td>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea><script>alert(1)</textarea><plaintext><xmp>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<p \x00onclick=alert(1)>nul</p>",
    "<![foo<![if IE]><script>alert(1)</script>",
)


class Seen(HTMLParser):
    """Every tag with its attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def check_harmless(document: str) -> Seen:
    head, _, body = document.partition("<body>")
    assert POLICY in head and "http-equiv" in head
    seen = Seen(body)
    for tag, attrs in seen.tags:
        assert tag in TAGS | OURS, tag
        assert tag in {"td", "th"} | TAGS or tag in {"mark", "span"}
        for name, value in attrs.items():
            assert (name in SPANS and (value or "").isdigit() and int(value or "") <= 50) or (name, value) == (
                "class",
                "image",
            ), (tag, name, value)
    return seen


@pytest.mark.parametrize("html", HOSTILE)
def test_hostile_pages_are_harmless(html: str) -> None:
    check_harmless(srcdoc(f"<p>before</p>{html}", "before"))


def test_all_hostility_at_once_is_harmless_too() -> None:
    seen = check_harmless(srcdoc("".join(html + "</textarea></noscript></svg></math>" for html in HOSTILE)))
    assert seen.tags


@given(
    st.lists(st.sampled_from([*HOSTILE, "<p>", "</p>", "<", ">", '"', "'", "&", "<!", "]]>", "-->", "text", "\x00"]))
)
def test_any_soup_is_harmless(parts: list[str]) -> None:
    check_harmless(srcdoc("".join(parts), "text"))


@given(st.text())
def test_any_text_is_harmless(text: str) -> None:
    check_harmless(srcdoc(text, text))


def test_what_is_not_shown_leaves_no_trace() -> None:
    html = (
        "<p>a<script>var x = '<p>';</script >b<!-- c --><style>d</style><svg width=1 /><svg><text>e</text></svg>f</p>"
    )
    assert srcdoc(html).endswith("<body><p>abf</p></body></html>")
    assert srcdoc("<p>a</p><script>never ends <p>b").endswith("<body><p>a</p></body></html>")
    assert srcdoc("2 < 3 & 4 <p title='>'>&lt;b&gt;").endswith("<body>2 &lt; 3 &amp; 4 <p>&lt;b&gt;</body></html>")


@pytest.mark.parametrize("piece", ["<", '<a "', '<a ="', "<a =' ", "</", "<!", "<script>", "<div>", "&#", '<img alt="'])
def test_long_pages_of_one_piece_come_through(piece: str) -> None:
    check_harmless(srcdoc(piece * 20_000, piece * 1000))


def test_words_tables_and_pictures_are_shown_and_what_was_kept_is_marked() -> None:
    html = (
        "<nav><a href=/>Home</a></nav><h1>A <b>title</b></h1><p>One long sentence that stayed in the text.</p>"
        "<table><tr><td colspan=2>cell</td></tr></table><img alt='a cat'><p>Gone.</p>"
    )
    document = srcdoc(html, "# A title\n\nOne long sentence that stayed in the text. And more of it.")
    assert "<h1><mark>A </mark><b><mark>title</mark></b></h1>" in document
    assert "<p><mark>One long sentence that stayed in the text.</mark></p>" in document
    assert '<td colspan="2">cell</td>' in document and "image: a cat" in document
    assert "<p>Gone.</p>" in document and "<a>Home</a>" in document and "href" not in document
