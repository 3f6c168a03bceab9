"""The picture of a flow: as wide as its counts, whatever they are, and never a word that is not escaped."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from trivium.pages.flow import HAIR, NARROW, WIDE, WIDER, Branch, Shape, Step, flow

counts = st.lists(st.integers(0, 10**7), min_size=0, max_size=6)


def through(came: int, drops: list[list[int]]) -> list[Step]:
    steps = []
    for i, gone in enumerate(drops):
        branches = [Branch(f"reason_{j}", count, f"#l{i}-r{j}") for j, count in enumerate(gone) if count]
        steps.append(Step(f"layer_{i}", came, came - sum(gone), branches, f"#l{i}"))
        came -= sum(gone)
    return steps


def bands(drawn: str) -> list[tuple[float, float]]:
    """Where each branch ends, top and bottom, in the order of drawing."""
    found = re.findall(r'<path d="M\S+ \S+L\S+ \S+Q\S+ \S+ \S+ ([\d.]+)L\S+ \S+L\S+ ([\d.]+)', drawn)
    return [(float(top.partition("L")[0]), float(bottom.partition("L")[0])) for top, bottom in found]


@given(st.lists(counts, min_size=1, max_size=8), st.integers(0, 10**7), st.sampled_from([WIDE, WIDER, NARROW]))
def test_branches_are_as_wide_as_their_counts(drops: list[list[int]], rest: int, shape: Shape) -> None:
    came = rest + sum(map(sum, drops))
    steps = through(came, drops)
    drawn = flow(steps, "corpus", "a flow", shape)
    ElementTree.fromstring(drawn)
    wanted = [branch.count for step in steps for branch in sorted(step.branches, key=lambda b: (-b.count, b.name))]
    found = bands(drawn)
    assert len(found) == len(wanted)
    for count, (top, bottom) in zip(wanted, found, strict=True):
        assert abs((bottom - top) - max(count * shape.stem_width / came, HAIR)) < 0.21
    for (_, bottom), (top, _) in pairwise(found):
        assert top >= bottom, "no branch lies on another"


def test_every_reason_and_layer_can_be_reached_by_keyboard_and_is_said() -> None:
    steps = through(100, [[], [30, 5], [1]])
    root = ElementTree.fromstring(flow(steps, "corpus", "100 in, 64 out"))
    links = {link.attrib["href"]: "".join(link.itertext()) for link in root.iter("a")}
    assert set(links) == {"#l0", "#l1", "#l2", "#l1-r0", "#l1-r1", "#l2-r0"}
    assert "reason 0: 30 of 100 (30.0 %)" in links["#l1-r0"] and "65 left" in links["#l1"]
    assert root.attrib["role"] == "group" and root[0].text == "100 in, 64 out"
    assert "64 · 64.0 %" in "".join(root.itertext())


def test_long_names_are_cut_and_whole_in_the_tip() -> None:
    name = "a_reason_with_a_name_that_no_picture_has_the_room_for"
    drawn = flow([Step("layer", 10, 9, [Branch(name, 1)])], "corpus", "x", NARROW)
    assert "…" in drawn and name.replace("_", " ") in drawn and drawn.count("<a ") == 0
