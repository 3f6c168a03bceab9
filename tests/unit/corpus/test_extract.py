"""Bytes to text: character sets right, wrong and missing; main content without its surroundings; shapes refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trivium.ground.errors import UsageError
from trivium.stages.corpus.extract import (
    RESILIPARSE,
    TRAFILATURA,
    Unreadable,
    check_shape,
    check_tags,
    decode,
    main_text,
    tidy,
)

FRENCH = "<html><body><p>Le café était déjà fermé à l'été, où règne la forêt.</p></body></html>"
PROSE = (
    "The mill was built before the railway came, and it ground the grain of the whole valley. When the railway came, "
    "the grain went to the city, the mill stood still, and the family of the miller moved away."
)
RUSSIAN = "<html><body><p>Привет, мир! Это простая страница на русском языке о погоде.</p></body></html>" * 4


@pytest.mark.parametrize(
    ("body", "declared", "text"),
    [
        (FRENCH.encode(), "", FRENCH),
        (FRENCH.encode(), "iso-8859-1", FRENCH),
        (FRENCH.encode("latin-1"), "iso-8859-1", FRENCH),
        (FRENCH.encode("cp1252"), "no-such-set", FRENCH),
        (FRENCH.encode("utf-16"), "utf-8", FRENCH),
        (b"\xef\xbb\xbf" + FRENCH.encode(), "", FRENCH),
        (RUSSIAN.encode("cp1251"), "", RUSSIAN),
        (RUSSIAN.encode("koi8-r"), "koi8-r", RUSSIAN),
        (
            b'<meta charset="windows-1251">' + RUSSIAN.encode("cp1251"),
            "utf-8",
            '<meta charset="windows-1251">' + RUSSIAN,
        ),
    ],
)
def test_the_text_is_right_whatever_the_header_says(body: bytes, declared: str, text: str) -> None:
    assert decode(body, declared)[0] == text


def test_nuls_are_dropped() -> None:
    assert decode(b"<p>a\x00b</p>")[0] == "<p>ab</p>"


@pytest.mark.parametrize("body", [b"%PDF-1.7 abc", b"\x89PNG\r\n", bytes(range(1, 30)) * 50])
def test_what_is_no_page_says_so(body: bytes) -> None:
    with pytest.raises(Unreadable, match="not_html"):
        decode(body)


@pytest.mark.parametrize(
    "body",
    [b"<p>\x81\x8d\x8f\x90\x9d</p>" * 500, b"\xff\xfe<\xd8\x00\xd9" * 500, b"\xef\xbb\xbf" + b"\xff\xfd\x81" * 500],
)
def test_bytes_of_no_character_set(body: bytes) -> None:
    with pytest.raises(Unreadable, match=r"bad_charset|not_html"):
        decode(body, "utf-8")


def test_menus_footers_and_code_stay_out() -> None:
    html = (
        "<html><body><nav><a href=/>Home</a> <a href=/n>News</a></nav><main><h1>Title<a class=headerlink>¶</a></h1>"
        f"<p>The first paragraph is here. {PROSE}</p><pre>x = {{1: 2}}</pre><ol><li>An item.</li></ol></main>"
        "<footer>All rights reserved</footer><script>var x = 1;</script></body></html>"
    )
    assert main_text(html) == f"# Title\n\nThe first paragraph is here. {PROSE}\n\n1. An item."
    assert "```\nx = {1: 2}\n```" in main_text(html, keep_code=True)
    assert main_text(html, RESILIPARSE) == f"Title\n\nThe first paragraph is here. {PROSE}\n\n1. An item."
    assert "x = {1: 2}" in main_text(html, RESILIPARSE, keep_code=True)


def test_an_extractor_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    with pytest.raises(UsageError, match="trafilatura is not installed"):
        main_text("<p>a</p>", TRAFILATURA)
    with pytest.raises(OSError, match="evidence"):
        main_text("<p>a</p>", str(tmp_path))


def test_a_page_without_text_says_so() -> None:
    with pytest.raises(Unreadable, match="no_text"):
        main_text("<html><body><script>x()</script></body></html>")


def test_tidy() -> None:
    assert tidy("a \u00a0 b\u200b\n\n\n\n•  c\n- \nd¶ \x01") == "a b\n\n- c\nd"


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<div>" * 3000, "too_deep"),
        ("<b>" * 3000, "too_deep"),
        ("<p " + " ".join(f"a{i}=1" for i in range(5000)) + ">", "too_many_attributes"),
    ],
)
def test_shapes_that_stall_other_parsers_are_refused_for_them(html: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        check_shape(html, max_depth=1000)


def test_too_many_tags_are_refused() -> None:
    check_tags("<i>x</i>" * 500, 1000)
    with pytest.raises(Unreadable, match="too_many_tags"):
        check_tags("<i>x</i>" * 600, 1000)


@pytest.mark.parametrize(
    "html",
    [
        "<p>x" * 5000,
        "<td>x" * 5000,
        "<div>x</div>" * 5000,
        "<br>" * 5000,
        "<li>" * 5000,
        f'<img src="data:{"A" * 100_000}">',
    ],
)
def test_usual_shapes_are_not_refused(html: str) -> None:
    check_shape(html, max_depth=1000)
