"""Pages: figures in words, colours that can be read, charts that keep inside their frame and escape what they say."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from trivium.pages.charts import Bars, Cell, HeatRow, Line, Part, bars, heat, lines, smooth, stacks, thin
from trivium.pages.colours import COLOURS, colour, stage_of, stylesheet
from trivium.pages.dag import Vertex, dag, depths
from trivium.pages.figures import count, percent, plain, points, short, size
from trivium.pages.flow import WIDER, Branch, Step, flow
from trivium.pages.render import environment, render, style
from trivium.pages.svg import Frame, element, round_steps

HALF = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 96}
NOTHING = {"value": None, "low": 0.0, "high": 1.0, "n": 0}
BAD = "</svg><script>\"'&"
finite = st.floats(-1e6, 1e6)


def test_figures_in_words() -> None:
    assert percent(HALF) == "50.0 % [40.0, 60.0]" and percent(HALF, ends=False) == "50.0 %"
    assert points(HALF) == "+50.0 [+40.0, +60.0] points" and plain(HALF) == "0.500 [0.400, 0.600]"
    assert percent(NOTHING) == percent(None) == points(None) == plain(NOTHING) == count(None) == short(None) == "–"
    assert plain({"value": 1.0, "low": None, "high": None}) == "1.000"
    assert (count(1234), short(0.12345), short(12345), short(True), short("x")) == (
        "1,234",
        "0.123",
        "12,345",
        "yes",
        "x",
    )
    assert (size(812), size(3400), size(27_680_000)) == ("812 B", "3.4 kB", "27.7 MB")


def luminance(code: str) -> float:
    parts = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("stage", COLOURS)
def test_each_colour_can_be_read_on_both_grounds(stage: str) -> None:
    light, dark = COLOURS[stage]
    css = str(style())
    grounds = re.findall(r"--ground: (#\w{6})", css)
    assert contrast(light, grounds[0]) >= 4.5 and contrast(dark, grounds[1]) >= 4.5
    assert f"--{stage}:{light}" in css and f"--{stage}:{dark}" in css


def test_one_colour_a_stage() -> None:
    assert len({pair[i] for pair in COLOURS.values() for i in (0, 1)}) == 2 * len(COLOURS)
    assert [stage_of(n) for n in ("audit-sft", "warm", "shards", "plain", "shuffled")] == [
        "audit", "rl", "tokenizer", "report", "report"]  # fmt: skip
    assert colour("quirks-rl") == "var(--quirks)" and stylesheet().startswith(":root{--corpus:")


def test_elements_escape() -> None:
    drawn = element("text", BAD, title=BAD, x=1.25, class_="a", missing=None)
    assert "<script" not in drawn and 'class="a"' in drawn and "missing" not in drawn
    assert element("g", Markup("<b/>")) == "<g><b/></g>"


@given(finite, finite, st.integers(1, 10))
def test_axis_steps_are_inside_even_and_about_as_many(a: float, b: float, about: int) -> None:
    low, high = sorted((a, b))
    if high - low < 1e-6:
        return
    steps = round_steps(low, high, about)
    slack = 1e-6 * max(abs(low), abs(high), 1)
    assert all(low - slack <= value <= high + slack for value in steps)
    assert len(steps) <= 2 * about + 2


@given(finite, finite)
def test_nothing_is_drawn_outside_the_frame(x: float, y: float) -> None:
    frame = Frame(680, 250, (0, 10), (-1, 1))
    across, up = frame.at(x, y)
    assert frame.left <= across <= 680 - frame.right and frame.top <= up <= 250 - frame.bottom


def every_chart() -> list[str]:
    steps = [(float(i), i % 7 / 7) for i in range(900)]
    return [
        lines([Line(BAD, "rl", steps, band=[(0, 0.1, 0.2), (9, 0.1, 0.3)], faint=steps, marks=True, dashed=True)], BAD,
              BAD, BAD, levels={BAD: 0.4}),
        lines([Line("", "base", [(1.0, 2.0)])], "one point"),
        bars([BAD, "b"], [Bars(BAD, "sft", [HALF, None]), Bars("", "rl", [NOTHING, HALF], pale=True)], BAD, BAD, BAD,
             guess=[0.1, None], guess_name=BAD),
        stacks([BAD, "b"], [Part(BAD, 1, [1, 0]), Part("x", 0, [2, 0], hatched=True)], "audit", BAD, BAD),
        flow([Step(BAD, 10, 4, [Branch(BAD, 6, "#" + BAD, BAD)], BAD), Step("empty", 4, 0, [Branch("b", 4)])],
             "corpus", BAD, WIDER),
        heat([BAD, "rl"], [HeatRow(BAD, BAD, [Cell(0.5, BAD, BAD), Cell(None)])], BAD),
        dag([Vertex("town", BAD), Vertex(BAD, "x", ["town", "nobody", BAD])], BAD),
    ]  # fmt: skip


def test_every_chart_is_well_formed_escaped_and_told() -> None:
    for drawn in every_chart():
        root = ElementTree.fromstring(drawn)
        assert root[0].tag == "title" and root[0].text and "nan" not in drawn and "inf" not in drawn
        assert not [child for child in root.iter() if child.tag == "script"]


def test_charts_of_nothing_are_nothing() -> None:
    assert lines([], "x") == "" and lines([Line("a", "rl", [])], "x") == "" and dag([], "x") == ""
    assert flow([], "corpus", "nothing") == "" and "<svg" in flow([Step("a", 0, 0)], "corpus", "nothing")


def test_bars_reach_as_high_as_their_value() -> None:
    drawn = bars(["a"], [Bars("s", "sft", [HALF])], "half", height=270)
    (box,) = [e for e in ElementTree.fromstring(drawn).iter("rect") if e.get("rx") == "1.5"]
    assert float(box.get("height", 0)) == pytest.approx(0.5 * (270 - 34 - 46), abs=0.1)


def test_smooth_and_thin_keep_the_end() -> None:
    data = [(float(i), float(i)) for i in range(1001)]
    assert thin(data)[-1] == data[-1] and len(thin(data)) <= 402 and thin([]) == []
    assert smooth([(0, 2.0), (1, 4.0), (2, 6.0)], 2) == [(0, 2.0), (1, 3.0), (2, 5.0)]


def test_depths_are_the_longest_way_and_circles_end() -> None:
    found = depths([Vertex("a", ""), Vertex("b", "", ["a"]), Vertex("c", "", ["a", "b"])])
    assert found == {"a": 0, "b": 1, "c": 2}
    assert set(depths([Vertex("a", "", ["b"]), Vertex("b", "", ["a"])])) == {"a", "b"}


def test_templates_escape_and_miss_nothing() -> None:
    import jinja2

    assert "<script" not in environment().from_string("{{ text }}").render(text=BAD)
    with pytest.raises(jinja2.UndefinedError):
        render("tokens.html")
