"""The page's Markdown: grown by pieces it shows what it shows at once, only harmless elements, and every word."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from webdriver import Browser

PIECES = [
    *(
        "word",
        " ",
        "\n",
        "\n\n",
        "**",
        "*",
        "_",
        "`",
        "```",
        "~~~",
        "```py\n",
        "- ",
        "  - ",
        "1. ",
        "7) ",
        "> ",
        "# ",
        "### ",
    ),
    *("---", "***", "<b>", "</b>", "<script>", "&amp;", "[a](b)", "![i](http://x/y.png)", "\\", "é", "𝔸", "\t", "    "),
    *("\r\n", "x = a * b * c", "2*3*4", "http://x"),
]
ALLOWED = set("p pre code strong em ul ol li h3 h4 h5 h6 blockquote hr div span button".split())
SCRIPT = """
const back = arguments[1];
import('/static/markdown.js').then(({Shown}) => back(arguments[0].map(text => {
  const grown = document.createElement('div'), whole = document.createElement('div');
  const view = new Shown(grown);
  for (let end = 0; end < text.length; end += 1 + end % 7) view.show(text.slice(0, end));
  view.show(text);
  new Shown(whole).show(text);
  const names = [...whole.querySelectorAll('*')].map(e => e.localName);
  return [grown.innerHTML === whole.innerHTML, names, whole.textContent];
})), error => back(String(error)));
"""


def shown(page: Browser, texts: list[str]) -> list[Any]:
    found = page.do("POST", "/execute/async", {"script": SCRIPT, "args": [texts]})
    assert isinstance(found, list), found
    return found


def test_grown_is_whole_and_no_word_is_lost(served_script: Any, visit: Callable[[Any], Browser]) -> None:
    draw = random.Random(7)
    texts = ["".join(draw.choices(PIECES, k=draw.randrange(1, 40))) for _ in range(400)]
    page = visit(served_script(lambda _: []))
    for text, (same, names, seen) in zip(texts, shown(page, texts), strict=True):
        assert same, text
        assert set(names) <= ALLOWED, text
        assert seen.count("word") == text.count("word"), (text, seen)
        for piece in ("<b>", "<script>", "&amp;", "http://x/y.png"):
            assert seen.count(piece) == text.count(piece), (text, seen)


def test_each_form(served_script: Any, visit: Callable[[Any], Browser]) -> None:
    page = visit(served_script(lambda _: []))
    forms = {
        "a **b** *c* `d`": ["p", "strong", "em", "code"],
        "2 * 3 * 4 = 24, a_b_c": ["p"],
        "# T\ntext": ["h3", "p"],
        "- a\n- b\n  - c": ["ul", "li", "li", "ul", "li"],
        "3. a\n4. b": ["ol", "li", "li"],
        "> q": ["blockquote", "p"],
        "---": ["hr"],
        "```py\nx = '```'\n```\nafter": ["div", "div", "span", "button", "pre", "code", "p"],
        "**never closed": ["p"],
        "": [],
    }
    for (text, names), (_, seen, _) in zip(forms.items(), shown(page, list(forms)), strict=True):
        assert seen == names, text


@pytest.mark.slow
def test_hostile_lengths_take_no_time_to_speak_of(served_script: Any, visit: Callable[[Any], Browser]) -> None:
    page = visit(served_script(lambda _: []))
    deep = "\n".join("  " * i + "- x" for i in range(200))
    texts = ["*" * 6000, "`" * 6000, "** " * 4000, "`a" * 4000, "- " * 4000, "> " * 4000, "_a" * 4000, deep]
    script = """
    const back = arguments[1];
    const view = Shown => text => { new Shown(document.createElement('div')).show(text); return 1; };
    import('/static/markdown.js').then(({Shown}) => back(arguments[0].map(view(Shown))), error => back(String(error)));
    """
    assert page.do("POST", "/execute/async", {"script": script, "args": [texts]}) == [1] * len(texts)
