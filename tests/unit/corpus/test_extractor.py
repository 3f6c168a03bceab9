"""The extractor: its tree is HTML's, its time is linear, its two looks keep content, its text is readable."""

from __future__ import annotations

import html.parser
import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.ground.how import How
from trivium.stages.corpus.extractor import model as models
from trivium.stages.corpus.extractor import tags
from trivium.stages.corpus.extractor.boxes import NODE, UP, boxes_of
from trivium.stages.corpus.extractor.keep import extract, look
from trivium.stages.corpus.extractor.parse import DEEPEST, Tree, parse
from trivium.stages.corpus.extractor.train import Wanted, example_of, train
from trivium.stages.corpus.extractor.write import text_of

PROSE = (
    "The old mill on the river was built before the railway came, and it ground the grain of the whole valley. "
    "When the railway came, the grain went to the city, the mill stood still, and the miller's family moved away."
)
QUIET = How(progress=False)


def shape(page: str) -> str:
    """The tree as brackets: names of elements, texts between."""
    tree = parse(page.encode())

    def write(i: int) -> str:
        tag, _, last, start, end, _ = tree.nodes[i].tolist()
        if tag == tags.TEXT:
            return tree.page[start:end].tobytes().decode().strip()
        inside, child = [], i + 1
        while child < last:
            inside.append(write(child))
            child = int(tree.nodes[child, 2])
        return f"{tags.NAMES[tag]}({' '.join(inside)})"

    return write(0)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<p>a<p>b", "body(p(a) p(b))"),
        ("<p>a<div>b</div>c", "body(p(a) div(b) c)"),
        ("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>e", "body(ul(li(a) li(b ul(li(c))) li(d)) e)"),
        ("<dl><dt>a<dd>b<dt>c</dl>", "body(dl(dt(a) dd(b) dt(c)))"),
        ("<table><tr><td>a<td>b<tr><td>c</table>d", "body(table(tr(td(a) td(b)) tr(td(c))) d)"),
        ("<table><tr><td><table><tr><td>a</table>b<td>c</table>", "body(table(tr(td(table(tr(td(a))) b) td(c))))"),
        ("<table><tbody><tr><td>a<tbody><tr><td>b</table>", "body(table(tbody(tr(td(a))) tbody(tr(td(b)))))"),
        ("<td><div>a</table></div>b", "body(td(div(a) b))"),
        ("<a>one<a>two</a></a>", "body(a(one) a(two))"),
        ("<b>x</i>y</b></p></div>z", "body(b(x y) z)"),
        ("<h1>a<h2>b</h2>", "body(h1(a) h2(b))"),
        ("x<br>y<hr>z", "body(x br() y hr() z)"),
        ("<script>if (a < b) '<p>'</script>a<style>p{}</style>", "body(a)"),
        ("<script>never closed <p>text", "body(never closed p(text))"),
        ("a<!-- <p>b</p> -->c<!doctype html>d<?php x ?>e", "body(a c d e)"),
        ("1 < 2 <3 and </ > x", "body(1 < 2 <3 and x)"),
        ('<p title=">" class=\'a"b\' hidden>t', "body(p(t))"),
        ("<my-card>a</my-card><foo>b</foo>", "body(?-(a) ?(b))"),
        ("<svg><text>no</text></svg><math>x</math><select><option>no</select>a", "body(a)"),
        ("<html><head><title>T</title></head><body class=x>a</body></html>", "body(a)"),
    ],
)
def test_the_tree_is_what_a_browser_makes_of_it(page: str, expected: str) -> None:
    assert shape(page) == expected


class Plain(html.parser.HTMLParser):
    """The texts of a page, by Python's own parser: a reference for well-formed pages."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


PIECES = st.recursive(
    st.text("abc ,.", min_size=1, max_size=8),
    lambda inside: st.tuples(
        st.sampled_from(["div", "section", "b", "em", "span", "ul", "table"]), st.lists(inside)
    ).map(lambda pair: f"<{pair[0]} class='x y'>{''.join(pair[1])}</{pair[0]}>"),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(PIECES)
def test_well_formed_pages_keep_every_text(page: str) -> None:
    reference = Plain()
    reference.feed(page)
    tree = parse(page.encode())
    ours = [tree.page[n[3] : n[4]].tobytes().decode().strip() for n in tree.nodes if n[0] == tags.TEXT]
    assert "".join(ours).replace(" ", "") == "".join(reference.texts).replace(" ", "")
    check_tree(tree)


SCRAPS = (
    "< > </ <p <div> </div> <li> <td> <table> </table> <a href=x> </a> \" ' = & &amp; &#x "
    "<!-- --> <script> x é \0 <br> <svg> <!"
).split()


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(SCRAPS),
        max_size=60,
    )
)
def test_any_bytes_make_a_tree_and_a_text(parts: list[str]) -> None:
    page = " ".join(parts)
    check_tree(parse(page.encode()))
    assert isinstance(extract(page), str)


def check_tree(tree: Tree) -> None:
    """Parents come before, hold their children, and no descendant reaches behind its ancestor."""
    for i, (_, parent, last, start, end, _) in enumerate(tree.nodes.tolist()):
        assert i < last <= len(tree.nodes)
        assert 0 <= start <= end <= len(tree.page)
        if i:
            assert 0 <= parent < i
            assert last <= tree.nodes[parent, 2]
    boxes = boxes_of(tree)
    assert all(boxes.boxes[i, UP] < i for i in range(1, len(boxes.boxes)))
    assert (boxes.run_of >= 0).sum() == (tree.nodes[:, 0] == tags.TEXT).sum()


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 100_000 + f"<p>{PROSE}</p>",
        "<b>" * 100_000 + f"<p>{PROSE}</p>",
        f"<p>{PROSE}</p>" + "<script>" * 100_000,
        f"<p>{PROSE}</p><p " + " ".join(f"a{i}=1" for i in range(100_000)) + ">end",
        f"<p>{PROSE}</p><div " + "class='" + "x " * 100_000 + "'>end",
        f"<p>{PROSE}</p><div " + "role=a " * 100_000 + ">end",
        f"<table><tr><td colspan=9007199254740991><p>{PROSE}</p></table>",
        f"<p>{PROSE}</p>" + "</div></p></b>" * 100_000,
        f"<p>{PROSE}</p>" + "<table><tr><td>" * 50_000,
        f"<p>{PROSE}</p>" + "<ol>" * 50_000 + "<li>" * 50_000,
        f"<p>{PROSE}</p>" + "&" * 1_000_000,
        f"<p>{PROSE}</p><ol>" + "<li>item" * 200_000 + "</ol>",
        f"<p>{PROSE}</p><div class='{'x ' * 100_000}'>" + "run<br><br>" * 50_000 + "</div>",
        f"<p>{PROSE}</p>" + "<!--" * 300_000,
    ],
    ids=[
        "deep",
        "deep inline",
        "scripts",
        "attributes",
        "classes",
        "roles",
        "colspan",
        "ends",
        "tables",
        "lists",
        "and",
        "items",
        "runs",
        "open",
    ],
)
def test_no_shape_of_a_page_stalls_or_loses_its_text(page: str) -> None:
    assert PROSE[:100] in extract(page).replace("\n", " ")


def test_depth_is_bounded_and_text_below_it_stays() -> None:
    tree = parse(("<div>" * 1000 + "a" + "</div>" * 1000 + "<p>b").encode())
    depths = [0] * len(tree.nodes)
    for i, node in enumerate(tree.nodes[1:], 1):
        depths[i] = depths[node[1]] + 1
    assert max(depths) <= DEEPEST + 1
    assert depths[-1] == 2  # the paragraph behind is outside again


def everything(page: str, fences: bool = False) -> str:
    """All text of a page, kept or not."""
    tree = parse(page.encode())
    boxes = boxes_of(tree)
    return text_of(tree, boxes, boxes.boxes[:, NODE] < 0, fences)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<h1>A</h1><p>b</p><h3>c</h3>", "# A\n\nb\n\n### c"),
        ("<p>a <b>b</b>, c<i>d</i> \n e</p>", "a b, cd e"),
        ("<ul><li>a<li>b<ul><li>c</ul><li>d</ul><p>e", "- a\n- b\n  - c\n- d\n\ne"),
        ("<ol><li>a<li>b</ol>", "1. a\n2. b"),
        ("<table><tr><th>a<th>b<tr><td>1<td>2</table>", "a | b\n1 | 2"),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\nb\n\nc\nd"),
        ("x<br>y<br><br>z", "x\ny\n\nz"),
        ("&lt;&amp;&#65;&#x42;&nbsp;c&copy;d&hellip;&notanentity;&amp", "<&AB c©d…&notanentity;&"),
        ("&#150;&#0;&#xD800;&#99999999999;", "–\ufffd\ufffd\ufffd99;"),
        ("<h2>Name <a href=#x>¶</a></h2>f() <a>[source]</a>", "## Name\n\nf()"),
        ("日本語<b>です</b>。 Zürich", "日本語です。 Zürich"),
    ],
)
def test_the_text_is_markdown_like(page: str, expected: str) -> None:
    assert everything(page) == expected


def test_code_is_kept_as_it_stands() -> None:
    page = "<p>See:</p><pre>def f(x):\n    return <b>x</b> &lt; 1\n</pre><p>end</p>"
    assert everything(page, fences=True) == "See:\n\n```\ndef f(x):\n    return x < 1\n```\n\nend"


def test_space_before_code_has_room() -> None:
    assert everything(f"<pre>{' ' * 500_000}x</pre>", fences=True) == f"```\n{' ' * 500_000}x\n```"


def page_of(rng: random.Random, words: list[str]) -> tuple[str, str]:
    """A made-up page and its content: two classes whose names mean something only to who has learned them."""
    paragraphs = [" ".join(rng.choices(words, k=40)) + "." for _ in range(4)]
    noise = [" ".join(rng.choices(words, k=40)) + "." for _ in range(4)]
    body = "".join(f"<p>{p}</p>" for p in paragraphs)
    other = "".join(f"<p>{p}</p>" for p in noise)
    page = f"<div class=zorble>{body}</div><div class=quux>{other}</div>"
    return page, "\n".join(paragraphs)


def test_training_learns_what_the_pages_say(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    rng = random.Random(0)
    words = [f"w{rng.randrange(10**6)}" for _ in range(2000)]
    made = [page_of(rng, words) for _ in range(80)]
    (tmp_path / "pages.jsonl").write_text("".join(json.dumps({"html": h, "text": t}) + "\n" for h, t in made))
    found = train(tmp_path / "pages.jsonl", tmp_path / "model", QUIET)
    assert found["pages"] == 80
    assert found["right"] > 0.99
    model = models.load(tmp_path / "model")
    page, text = page_of(rng, words)
    assert extract(page, model=model).split() == text.split()
    weights = models.read_weights(tmp_path / "model" / models.EVIDENCE)
    assert weights["class", "zorble"] > 0 > weights["class", "quux"]


def test_labels_follow_votes_and_snippets() -> None:
    page = f"<p>{PROSE}</p><p>Subscribe to our letter now, it is free of charge.</p><p>Only a snippet says so here.</p>"
    example = example_of(page, [(0.6, PROSE), (0.4, "Something else entirely is here")], must_keep=["a snippet says"])
    runs = np.flatnonzero(example.boxes[:, NODE] < 0)
    assert example.labels[runs].tolist() == [1, 0, 1]
    assert Wanted("a b c d e").cover(["b", "c", "d", "e", "x"]) == 0.8
    assert Wanted("Home\nnews page").cover(["Home"]) == 1.0


def test_names_and_keys_of_features_agree() -> None:
    for (family, value), weight in list(models.read_weights(Path(models.__file__).parent / models.EVIDENCE).items())[
        ::50
    ]:
        assert models.key_of_name(family, value)
        assert abs(weight) >= 0.01


def test_the_model_that_comes_along_drops_the_frame() -> None:
    menu = "".join(f"<li><a href=/{i}>Section {i}</a></li>" for i in range(12))
    page = (
        f"<header><nav><ul>{menu}</ul></nav></header><main><article class=post><h1>The mill</h1>"
        + "".join(f"<p>{PROSE}</p>" for _ in range(4))
        + f"</article><div class=comments><p>Great post, {PROSE.lower()}</p></div></main>"
        "<aside class=sidebar><h3>Related</h3><ul>" + menu + "</ul></aside><footer>© 2024 All rights reserved.</footer>"
    )
    text = extract(page)
    assert text.count(PROSE) == 4
    assert "Section" not in text
    assert "rights reserved" not in text


def test_margins_do_not_depend_on_what_was_seen_before() -> None:
    page = f"<p>{PROSE}</p><ul><li>a</ul>".encode()
    first = look(page, models.load()).margins
    look(b"<div>other</div>" * 50, models.load())
    assert np.array_equal(first, look(page, models.load()).margins)
