"""Sections: the values that rooms give to their templates."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from trivium.ground.artifact import Artifact
from trivium.stages.report import funnel, knowledge, lineage, practice, preference, pretraining, tokens
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.story import story, tight


def test_every_drop_of_the_funnel_has_its_reason(street: dict[str, Artifact]) -> None:
    account = street["selected"].json("funnel.json")
    shown = funnel.section(street, ReportConfig())
    assert shown is not None and len(shown["funnels"]) == 2
    for source in shown["funnels"]:
        assert source["came"] - source["left"] == sum(int(row[2].replace(",", "")) for row in source["reasons"])
        assert (
            source["wide"].count('class="branch"')
            == len(source["reasons"])
            == source["narrow"].count("<a href")
            - len(next(entry["layers"] for entry in account["sources"] if entry["source"] == source["name"]))
        )
    assert "town:sums (708)" in shown["lede"] and "No layer" not in shown["lede"]
    shares = [float(row[3].removesuffix(" %")) for row in funnel.mix(account)]
    assert abs(sum(shares) - 100) < 0.3


def test_a_source_that_lost_nothing_is_named_so() -> None:
    layers = [
        {"name": name, "in": 3, "out": 3, "dropped": {}, "examples": {}, "changed": {}} for name in ("read", "url")
    ]
    account = {"sources": [{"source": "town:pages", "in": 3, "out": 3, "layers": layers}], "selected": {}}

    class Fake:
        def has(self, name: str) -> bool:
            return name == "funnel.json"

        def json(self, _name: str) -> Any:
            return account

    shown = funnel.section({"selected": Fake()}, ReportConfig())  # type: ignore[dict-item]
    assert shown is not None and "No layer dropped anything of town:pages (3)." in shown["lede"]


def test_tokens_can_be_seen() -> None:
    def token(text: str | None, raw: str = "") -> dict[str, Any]:
        return {"id": 1, "hex": raw, "text": text}

    assert tokens.visible(token(None, "c3")) == "\\xc3"
    assert tokens.visible(token("\n\t")) == "⏎⇥"
    assert tokens.visible(token(" " * 14)) == "␣×14"
    assert tokens.visible(token("\x07a")) == "\\u0007a"
    neighbours = [box["stage"] for box in tokens.boxes([token("a")] * 20)]
    assert all(a != b for a, b in pairwise(neighbours))


def test_labels_are_counted_into_bins() -> None:
    bins = [
        {"bin": "0", "low": 0, "high": 0},
        {"bin": "1-3", "low": 1, "high": 3},
        {"bin": "64+", "low": 64, "high": None},
    ]
    records = [
        {"exposure": e, "label": label} for e, label in ((0, "unknown"), (2, "weak"), (3, "known"), (2, "known"))
    ]
    counted = knowledge.labels_by_bin(records, bins)
    assert list(counted) == ["0", "1-3"]
    assert counted["1-3"] == {"known": 2, "weak": 1, "unknown": 0, "confidently-wrong": 0}


def test_the_same_question_stands_under_each_model(street: dict[str, Artifact]) -> None:
    shown = knowledge.section(street, ReportConfig())
    assert shown is not None and shown["models"] == ["plain", "sft", "rl"]
    assert all([said["model"] for said in one["said"]] == ["plain", "sft", "rl"] for one in shown["replies"])
    assert {one["truth"] for one in shown["replies"]} == {"never written about", "read 70 times: heron"}


def test_rollouts_side_by_side_are_a_divided_group(street: dict[str, Artifact]) -> None:
    group = practice.group_of(street)
    assert {row["step"] for row in group} == {1} and {row["tokens"] for row in group} == {3}
    assert abs(sum(row["advantage"] for row in group)) < 1e-9
    shown = practice.side_by_side(group, 4)
    assert shown is not None and [one["reward"] for one in shown["answers"]] == ["1", "0", "1", "0"]
    assert shown["answers"][1]["advantage"].startswith("−")
    assert practice.side_by_side([], 4) is None


def test_samples_along_the_way_keep_the_first_and_the_last() -> None:
    said = pretraining.along_the_way([{"step": i, "prompt": "The", "text": "x"} for i in range(1, 11)])
    assert [line["step"] for line in said[0]["lines"]] == [1, 4, 7, 10]


def test_edges_that_another_path_tells_are_left_out() -> None:
    parents = {"town": [], "scored": ["town"], "selected": ["scored", "town"], "base": ["selected"]}
    assert lineage.direct("selected", parents) == ["scored"]
    assert lineage.direct("base", parents) == ["selected"]


def test_comparisons_are_read_from_texts_and_from_messages() -> None:
    records = [{"prompt": [{"role": "user", "content": "Hi"}], "chosen": "Hello!", "rejected": "What."}, {"other": 1}]
    assert list(preference.pairs(records)) == [{"prompt": "Hi", "chosen": "Hello!", "rejected": "What."}]
    assert list(preference.figures_in({"a": {"b_c": 3}, "l": [1]})) == [["a · b c", "3"]]


def test_the_story_is_told_with_what_there_is(street: dict[str, Artifact]) -> None:
    assert story({}) == "Nothing has been run yet."
    told = story(street)
    assert "509 of 1,111 real pages" in told and "refuses 5\N{NO-BREAK SPACE}%" in told and "–" not in told
    assert story({"rl": street["rl"]}).startswith("Practice on problems")
    assert " " not in tight("≥ 80 %")
