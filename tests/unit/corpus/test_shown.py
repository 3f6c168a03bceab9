"""What is kept for people to look at: bounded, and the same whatever the order and the number of workers."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.stages.corpus.config import SelectConfig
from trivium.stages.corpus.funnel import Funnel
from trivium.stages.corpus.rules import Rule, judged, quality_layers, url_rules
from trivium.stages.corpus.shown.examples import CHARACTERS, DROPPED, STAYED
from trivium.stages.corpus.shown.pages import HTML_CHARACTERS, KEY, PAGES, Lowest, Sample, keep, without_scripts

Row = dict[str, Any]


def rows(count: int, source: str = "web") -> list[Row]:
    return [
        {"source": source, "id": f"{source}{i}", "url": f"http://a/{i}", "text": f"{i} a@b.example " * 200, "words": i}
        for i in range(count)
    ]


def records(given_rows: list[Row]) -> list[Row]:
    funnel = Funnel(given_rows, ["web3", "web4", "web-unseen"])
    rule = Rule("many", "words", high=99)
    funnel.layer("odd", lambda row: "odd" if row["words"] % 2 else "")
    funnel.layer("many", lambda row: judged([rule], row))
    assert funnel.examples.fates == {"web3": ["odd", "odd"], "web4": [], "web-unseen": []}
    return list(funnel.examples.records(lambda text: text.replace("a@b.example", "MAIL")))


def test_examples_are_bounded_rewritten_and_say_what_decided() -> None:
    found = records(rows(300))
    sizes = {(layer, reason): sum((one["layer"], one["reason"]) == (layer, reason) for one in found)
             for layer, reason in (("odd", "odd"), ("odd", ""), ("many", "many"), ("many", ""))}  # fmt: skip
    assert sizes == {("odd", "odd"): DROPPED, ("odd", ""): STAYED, ("many", "many"): DROPPED, ("many", ""): STAYED}
    for one in found:
        assert len(one["text"]) <= CHARACTERS < one["characters"] and "MAIL" in one["text"] and "@" not in one["text"]
        assert one["why"] is None or (one["why"]["value"] > one["why"]["high"] == 99 and "low" not in one["why"])
        assert (one["why"] is None) == (one["reason"] != "many")
    stayed = [{one["url"] for one in found if one["layer"] == layer and not one["reason"]} for layer in ("odd", "many")]
    assert stayed[0] != stayed[1], "each layer shows others"


def test_examples_hang_on_no_order() -> None:
    shuffled = rows(300)
    random.Random(1).shuffle(shuffled)
    assert sorted(map(str, records(rows(300)))) == sorted(map(str, records(shuffled)))
    first = [one["url"] for one in records(rows(300)) if one["reason"] == "odd"]
    assert first == [one["url"] for one in records(shuffled) if one["reason"] == "odd"]


def test_the_fewest_are_all_shown() -> None:
    found = records(rows(5))
    assert {one["url"] for one in found if one["reason"] == "odd"} == {"http://a/1", "http://a/3"}


def test_a_note_of_a_row_that_stays_is_forgotten() -> None:
    funnel = Funnel(rows(2))

    def noted(row: Row) -> str:
        row["why"] = {"what": "x", "value": 1}
        return ""

    funnel.layer("noted", noted)
    assert all(one["why"] is None for one in funnel.examples.records())
    assert not any("why" in row for row in funnel.rows)


def test_every_rule_can_say_why() -> None:
    config = SelectConfig()
    rules = [*url_rules(config), *(rule for rules in quality_layers(config).values() for rule in rules)]
    assert len(rules) > 30
    for rule in rules:
        row = {rule.column: None}
        assert judged([rule], row) == rule.reason
        assert row["why"]["what"] == rule.column and {"low", "high"} & set(row["why"])  # type: ignore[index]


def sample(pages: list[Row], workers: int, seed: int) -> list[Row]:
    """The sample of pages that were scored by so many workers, each with its own memory."""
    choose, memories, taken = random.Random(seed), [Lowest() for _ in range(workers)], Sample()
    carried = []
    for page in pages:
        row = dict(page)
        keep(row, f"<p>{page['id']}</p>", choose.choice(memories), page["origin"])
        carried.append(row)
    assert all(KEY not in row for row in taken.through(carried))
    return list(taken.records())


@given(st.integers(1, 5), st.integers(0, 99), st.integers(0, 60))
def test_the_sample_of_pages_hangs_on_no_number_of_workers(workers: int, seed: int, count: int) -> None:
    pages = [page | {"origin": str(i % 3)} for i, page in enumerate(rows(count))]
    pages += [dict(page) for page in pages[: count // 2]]  # the same bytes under the same address
    found = sample(pages, workers, seed)
    assert found == sample(pages, 1, 0)
    assert len(found) == min(PAGES, count) and len({one["id"] for one in found}) == len(found)


def test_sources_have_samples_of_their_own() -> None:
    pages = [page | {"origin": ""} for page in (*rows(40), *rows(3, "town:pages"))]
    found = [one["source"] for one in sample(pages, 2, 1)]
    assert found.count("web") == PAGES and 1 <= found.count("town:pages") <= 3


def test_pages_are_cut_and_say_so() -> None:
    row = rows(1)[0]
    keep(row, "<p>" + "x" * (3 * HTML_CHARACTERS), Lowest(), "")
    taken = Sample()
    taken.take(row)
    (page,) = taken.records(str.upper)
    assert len(page["html"]) == HTML_CHARACTERS and page["cut"] and page["html_characters"] == 3 * HTML_CHARACTERS + 3
    assert page["html"].startswith("<P>X")


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("a<script>x<p></script>b", "ab"),
        ("a<SCRIPT src=x>y</Script >b", "ab"),
        ("a<!-- <script> -->b<style>p{}</style>c", "abc"),
        ("a<script>never closed", "a"),
        ("a<!--never closed", "a"),
        ("İ<script>x</script>ß<scripted>c", "İß<scripted>c"),
        ("<img src='data:image/png;base64,AAAA' alt=x>", "<img src='' alt=x>"),
        ("plain", "plain"),
        ("a\n <script>x</script> \n\n b", "a\n b"),
    ],
)
def test_scripts_styles_comments_and_data_go(html: str, left: str) -> None:
    assert without_scripts(html) == left


@given(st.text(alphabet="<>!-/sctyle ript", max_size=200))
def test_any_page_comes_through_without_more_than_it_had(html: str) -> None:
    assert len(without_scripts(html)) <= len(html)


def test_what_is_rewritten_is_seen_whole_even_where_it_is_cut() -> None:
    from trivium.stages.corpus.pii import rewrite

    key = "-----BEGIN PRIVATE KEY-----\n" + "QUJD" * 700 + "\n-----END PRIVATE KEY-----"
    row = rows(1)[0] | {"text": "x " * 700 + key + " y" * 700}
    funnel = Funnel([row])
    funnel.layer("all", lambda _: "gone")
    (one,) = funnel.examples.records(lambda text: rewrite(text)[0])
    assert "QUJD" not in one["text"] and "<key>" in one["text"] and len(one["text"]) == CHARACTERS
    page, taken = row | {"text": "x"}, Sample()
    keep(page, "<p>" + "x " * (HTML_CHARACTERS // 2 - 50) + key, Lowest(), "")
    taken.take(page)
    (shown,) = taken.records(lambda text: rewrite(text)[0])
    assert "QUJD" not in shown["html"] and len(shown["html"]) <= HTML_CHARACTERS
