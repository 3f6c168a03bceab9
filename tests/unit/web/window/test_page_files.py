"""The page's files: what is served, under which types and policy, and that nothing in them could leave or run text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from trivium.pages.colours import COLOURS, GROUNDS, OWNERS
from trivium.pages.render import TEMPLATES, shared_style
from trivium.web.page import KINDS, STATIC, VIEWS

SCRIPTS = sorted(STATIC.glob("*.js"))
WRITTEN = [
    *STATIC.iterdir(),
    *TEMPLATES.glob("*.css"),
    TEMPLATES / "window.html",
    *(TEMPLATES / v.template for v in VIEWS),
]


def test_the_page_and_all_that_it_names_is_there(tiny: Any) -> None:
    page = httpx2.get(f"{tiny.url}/")
    assert page.status_code == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    named = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
    assert len(named) >= 5
    for script in SCRIPTS:
        for other in re.findall(r'from "\./([\w-]+\.js)"', script.read_text(encoding="utf-8")):
            assert (STATIC / other).is_file()
    for path in {*named, *(f"/static/{each.name}" for each in STATIC.iterdir())}:
        answer = httpx2.get(f"{tiny.url}{path}")
        assert answer.status_code == 200, path
        assert answer.headers["content-type"].startswith(KINDS[Path(path).suffix].partition(";")[0])
        assert answer.headers["x-content-type-options"] == "nosniff"
        again = httpx2.get(f"{tiny.url}{path}", headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_no_path_leads_out_of_the_folder(tiny: Any) -> None:
    for name in ("page.py", "%2e%2e%2fpage.py", "..%2f..%2fpage.py", "%00", "shared.css%00", "x" * 500):
        answer = httpx2.get(f"{tiny.url}/static/{name}")
        assert answer.status_code == 404, name
        assert "error" in answer.json()
    assert httpx2.post(f"{tiny.url}/", json={}).status_code == 405


def test_the_policy_lets_nothing_run_but_our_files(tiny: Any) -> None:
    policy = httpx2.get(f"{tiny.url}/").headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["connect-src"] == "'self'" and rules["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in policy and "http" not in policy


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_files_are_small_and_name_nothing_outside(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(|//cdn", text)
    if path.suffix == ".js":
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|createContextualFragment", text
        )
        assert not re.search(r"\.(?:src|href|srcdoc)\s*=", text)
    if path.suffix == ".html":
        assert not re.search(r"<style|style=|\son\w+=|<script(?! (?:type=\"module\" )?src=\"/static/)", text)


def test_the_switch_sets_every_colour_and_stages_have_theirs() -> None:
    css = shared_style()
    for place, theme in enumerate(("light", "dark")):
        block = re.search(rf"@media screen\{{:root\[data-theme={theme}\]\{{(.*?)\}}\}}", css)
        assert block is not None and f"color-scheme:{theme}" in block[1]
        for name, pair in {**COLOURS, **GROUNDS}.items():
            assert re.search(rf"--{name}: ?{pair[place]}\b", block[1]), name
    for name in (*COLOURS, *OWNERS):
        assert f'[data-stage="{name}"]{{--c:var(--' in css
