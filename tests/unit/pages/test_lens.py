"""What the lens' page draws: cells that can be read, heads as triangles, and where a head looks."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from trivium.pages.colours import COLOURS
from trivium.pages.lens import FAINTEST, MOST_TINT, habit, heat_map
from trivium.pages.render import style

BAD = "</svg><script>\"'&"


def luminance(colour: bytes) -> float:
    parts = [part / 255 for part in colour]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("stage", COLOURS)
def test_text_on_the_strongest_cell_can_be_read(stage: str) -> None:
    css = str(style())
    grounds, inks = (re.findall(rf"--{name}: #(\w{{6}})", css) for name in ("ground", "ink"))
    for code, ground, ink in zip(COLOURS[stage], grounds, inks, strict=True):
        pairs = zip(bytes.fromhex(code[1:]), bytes.fromhex(ground), strict=True)
        cell = bytes(round((MOST_TINT * a + (100 - MOST_TINT) * b) / 100) for a, b in pairs)
        high, low = sorted((luminance(cell), luminance(bytes.fromhex(ink))), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5


def squares(svg: str) -> list[tuple[int, int]]:
    paths = [part.attrib.get("d", "") for part in ElementTree.fromstring(svg)]
    return [(int(x), int(y)) for d in paths for x, y in re.findall(r"M(\d+) (\d+)h", d)]


@pytest.mark.parametrize("length", [1, 2, 9, 40])
def test_a_heads_map_is_a_triangle_in_its_frame(length: int) -> None:
    svg = heat_map([[max(1 / (q + 1), FAINTEST)] * (q + 1) for q in range(length)], [BAD] * length, BAD, "base")
    box = ElementTree.fromstring(svg).attrib["viewBox"].split()
    side, left = int(box[3]) // length, int(box[2]) - int(box[3])
    found = [((x - left) // side, y // side) for x, y in squares(svg)]
    assert sorted(found) == sorted((k, q) for q in range(length) for k in range(q + 1))
    assert all((x - left) % side == 0 and y % side == 0 for x, y in squares(svg))


def test_what_is_too_faint_is_left_white_and_equal_shades_are_one_path() -> None:
    assert squares(heat_map([[0.0], [FAINTEST / 2, 0.0]], "ab", "", "base")) == []
    assert heat_map([[1.0], [0.5, 0.5], [0.5, 0.5, 0.0]], "abc", "", "base").count("<path") == 1 + 2


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([[1.0], [0.5, 0.5], [0.8, 0.1, 0.1]], "80 % at the first token"),
        ([[1.0], [0.5, 0.5], [0.2, 0.7, 0.1], [0.2, 0.0, 0.7, 0.1]], "70 % at the one before"),
        ([[1.0], [0.5, 0.5], [0.2, 0.1, 0.7]], "70 % at itself"),
        ([[1.0], [0.5, 0.5]], "too short to tell"),
    ],
)
def test_where_a_head_looks(rows: list[list[float]], wanted: str) -> None:
    assert habit(rows) == wanted
