"""Charts: lines with bands, bars with error bars, heat cells. Data in, one SVG out, coloured by stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from trivium.pages.colours import colour, stylesheet
from trivium.pages.svg import Format, Frame, canvas, element, path_through, text

WIDTH = 680.0
LEGEND_ROW = 16.0
AXIS_NAME = 90.0
"""Room that a legend leaves for the name of the vertical axis."""
Points = Sequence[tuple[float, float]]
ALONE = (
    "text{font:12px sans-serif;fill:#444}.line{fill:none;stroke-width:2}.dashed{stroke-dasharray:5 4}.faint{opacity:.4}"
    ".grid{stroke:#ddd}.base{stroke:#999}.level{stroke:#444;stroke-dasharray:4 3;fill:none}"
)
"""What a chart takes from the report's stylesheet, for one that stands alone."""


def as_percent(value: float) -> str:
    """`40 %`."""
    return f"{100 * value:.0f} %"


def as_number(value: float) -> str:
    """`1,200`, `2.5`: as few digits as a round number needs."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3f}".rstrip("0")


def file_of(drawing: Markup) -> str:
    """A chart as a file of its own, with its colours inside; empty where there is nothing to draw."""
    style = f"<style>{stylesheet()}{ALONE}</style>"
    own = str(drawing).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return own.replace("<title>", f"{style}<title>", 1)


def paint(stage: str, share: float = 1.0) -> dict[str, str]:
    """Attributes of a shape in a stage's colour, mixed with the ground: opaque, so that no grid line shows through."""
    return {"class_": "tint", "style": f"--f:{colour(stage)};--t:{100 * share:.0f}%"}


@dataclass(frozen=True)
class Line:
    """A line of a chart: its name, the stage that colours it, its points, perhaps a band around it."""

    name: str
    stage: str
    points: Points
    band: Sequence[tuple[float, float, float]] = ()
    """(x, low, high)."""
    faint: Points = ()
    """Single measurements drawn thin below the line."""
    dashed: bool = False
    marks: bool = False
    """Draw a dot at each point: for few, far points."""


def smooth(points: Points, window: int) -> list[tuple[float, float]]:
    """A running mean over at most `window` points before and at each."""
    means, total = [], 0.0
    for i, (x, y) in enumerate(points):
        total += y - (points[i - window][1] if i >= window else 0.0)
        means.append((x, total / min(i + 1, window)))
    return means


def thin(points: Points, most: int = 400) -> list[tuple[float, float]]:
    """At most about `most` of the points, evenly, the last among them: a page needs no more."""
    step = max(1, -(-len(points) // most))
    kept = list(points[::step])
    return kept if not points or kept[-1] == points[-1] else [*kept, points[-1]]


def lines(
    drawn: Sequence[Line],
    said: str,
    x_name: str = "step",
    y_name: str = "",
    y_form: Format = as_number,
    y_range: tuple[float, float] | None = None,
    levels: Mapping[str, float] | None = None,
    height: float = 250.0,
    x_form: Format = as_number,
    x_about: int = 6,
) -> Markup:
    """A line chart. `levels` are dashed horizontal lines, each with its name. Empty Markup when no line has a point."""
    every = [p for line in drawn for p in (*line.points, *line.faint)]
    if not every:
        return Markup("")
    levels = levels or {}
    ys = [y for _, y in every] + list(levels.values())
    low, high = y_range or (min(ys), max(ys))
    room = 0.0 if y_range else 0.06 * (high - low or 1.0)
    xs = [x for x, _ in every]
    keys = [
        (one.name, _stroke(stroke=colour(one.stage), class_="line dashed" if one.dashed else "line")) for one in drawn
    ]
    top = 30 + LEGEND_ROW * (len(_rows(keys)) - 1)
    frame = Frame(WIDTH, height, (min(xs), max(xs)), (low - room, high + room), top=top)
    parts = [*frame.rows(y_form), *frame.columns(x_form, x_name, x_about), text(0, 11, y_name, style="axis")]
    for name, value in levels.items():
        y = frame.up(value)
        parts.append(element("line", x1=frame.left, x2=WIDTH - frame.right, y1=y, y2=y, class_="level"))
        parts.append(text(WIDTH - frame.right, y - 5, name, "end", "note"))
    for line in drawn:
        parts += _line(line, frame)
    return canvas(WIDTH, height, said, *parts, *_legend(keys))


def _line(line: Line, frame: Frame) -> list[Markup]:
    ink, parts = colour(line.stage), []
    if line.band:
        edge = [frame.at(x, high) for x, _, high in line.band] + [frame.at(x, low) for x, low, _ in line.band[::-1]]
        parts.append(element("path", d=path_through(edge) + "Z", fill=ink, opacity="0.16"))
    if line.faint:
        faint = path_through([frame.at(*point) for point in thin(line.faint)])
        parts.append(element("path", d=faint, stroke=ink, class_="line faint"))
    if line.points:
        d = path_through([frame.at(*point) for point in thin(line.points)])
        parts.append(element("path", d=d, stroke=ink, class_="line dashed" if line.dashed else "line"))
    if line.marks:
        for x, y in line.points:
            across, up = frame.at(x, y)
            parts.append(element("circle", cx=across, cy=up, r=3.2, fill=ink))
    return parts


def _legend(entries: Sequence[tuple[str, Markup]], y: float = 11.0) -> list[Markup]:
    """Names behind their signs, above the plot, in as many rows as they need."""
    parts = []
    for row in _rows(entries):
        x = WIDTH + 2.0 - sum(_width(name) for name, _ in row)
        for name, sign in row:
            parts.append(element("g", sign, transform=f"translate({x:.1f} {y:.1f})"))
            parts.append(text(x + 22, y, name, style="legend"))
            x += _width(name)
        y += LEGEND_ROW
    return parts


def _rows(entries: Sequence[tuple[str, Markup]]) -> list[list[tuple[str, Markup]]]:
    """The entries that have a name, as many in a row as fit beside the axis' name."""
    found: list[list[tuple[str, Markup]]] = [[]]
    for entry in entries:
        if not entry[0]:
            continue
        if found[-1] and sum(_width(name) for name, _ in found[-1]) + _width(entry[0]) > WIDTH - AXIS_NAME:
            found.append([])
        found[-1].append(entry)
    return found


def _width(name: str) -> float:
    """Of a legend's entry: how wide a name is, is guessed on the safe side."""
    return 7.3 * len(name) + 36


def _stroke(**ink: str) -> Markup:
    return element("path", d="M0 -4h16", **ink)


def _square(**ink: str) -> Markup:
    return element("rect", x=4, y=-9, width=11, height=11, rx=2, **ink)


@dataclass(frozen=True)
class Bars:
    """A series of bars: its name, its stage, one interval (`{value, low, high, n}` or None) a group."""

    name: str
    stage: str
    figures: Sequence[Mapping[str, Any] | None]
    pale: bool = False
    """A lighter fill: for the second series of the same stage."""

    @property
    def ink(self) -> dict[str, str]:
        """The attributes of its shapes."""
        return paint(self.stage, 0.45 if self.pale else 0.9)


def bars(
    groups: Sequence[str],
    series: Sequence[Bars],
    said: str,
    x_name: str = "",
    y_name: str = "",
    guess: Sequence[float | None] = (),
    guess_name: str = "",
    height: float = 270.0,
) -> Markup:
    """Groups of bars with their 95 % intervals, from 0 to 100 %. `guess` draws a dashed step for each group."""
    frame = Frame(WIDTH, height, (0.0, float(len(groups))), (0.0, 1.0), top=34, bottom=46)
    parts = [*frame.rows(as_percent, about=5), text(0, 11, y_name, style="axis")]
    width = min(40.0, (frame.across(1) - frame.across(0)) * 0.72 / max(1, len(series)))
    for place, group in enumerate(groups):
        middle = frame.across(place + 0.5)
        start = middle - width * len(series) / 2
        for i, one in enumerate(series):
            figure = one.figures[place]
            if figure is not None and figure.get("value") is not None:
                parts.append(_bar(figure, one, start + i * width, width, frame))
        parts.append(text(middle, height - 29, group, "middle", "tick strong"))
        if place < len(guess) and (value := guess[place]) is not None:
            y = frame.up(value)
            parts.append(
                element(
                    "line", x1=frame.across(place + 0.08), x2=frame.across(place + 0.92), y1=y, y2=y, class_="level"
                )
            )
    y = frame.up(0)
    parts.append(element("line", x1=frame.left, x2=WIDTH - frame.right, y1=y, y2=y, class_="base"))
    parts.append(text(WIDTH - frame.right, height - 8, x_name, "end", "axis"))
    keys = [(one.name, _square(**one.ink)) for one in series]
    if any(guess):
        keys.append((guess_name, _stroke(class_="level")))
    return canvas(WIDTH, height, said, *parts, *_legend(keys))


def _bar(figure: Mapping[str, Any], one: Bars, x: float, width: float, frame: Frame) -> Markup:
    value, low, high = (float(figure[key]) for key in ("value", "low", "high"))
    top, bottom, middle = frame.up(value), frame.up(0.0), x + width / 2
    shape = element("rect", x=x + 1, y=top, width=width - 2, height=max(bottom - top, 1.0), rx=1.5, **one.ink)
    whisker = f"M{middle:.1f} {frame.up(low):.1f}V{frame.up(high):.1f}m-4 0h8M{middle - 4:.1f} {frame.up(low):.1f}h8"
    tip = element("title", f"{one.name}: {100 * value:.1f} % [{100 * low:.1f}, {100 * high:.1f}], n = {figure['n']:,}")
    return element("g", tip, shape, element("path", d=whisker, class_="whisker"))


@dataclass(frozen=True)
class Cell:
    """A heat cell: a share, a line below it, and a tooltip; None is an empty cell."""

    value: float | None
    note: str = ""
    tip: str = ""


@dataclass(frozen=True)
class HeatRow:
    """A row of a heat map: its name and a smaller note, and its cells."""

    name: str
    note: str
    cells: Sequence[Cell] = field(default_factory=tuple)


def heat(columns: Sequence[str], rows: Sequence[HeatRow], said: str) -> Markup:
    """Cells as dark as their share is large, in the colour of the column's stage."""
    left, top, tall = 210.0, 26.0, 52.0
    wide = (WIDTH - left) / max(1, len(columns))
    parts = [text(left + (i + 0.5) * wide, 15, name, "middle", "tick strong") for i, name in enumerate(columns)]
    for j, row in enumerate(rows):
        y = top + j * tall
        parts += [text(0, y + 23, row.name, style="tick strong"), text(0, y + 39, row.note, style="note")]
        for i, (name, cell) in enumerate(zip(columns, row.cells, strict=True)):
            parts.append(_cell(cell, name, left + i * wide, y, wide, tall))
    return canvas(WIDTH, top + len(rows) * tall + 2, said, *parts)


def _cell(cell: Cell, stage: str, x: float, y: float, wide: float, tall: float) -> Markup:
    box: dict[str, Any] = {"x": x + 2, "y": y + 2, "width": wide - 4, "height": tall - 4, "rx": 4}
    if cell.value is None:
        return element("g", element("rect", **box, class_="hollow"), text(x + wide / 2, y + 30, "–", "middle", "note"))
    shade = element("rect", **box, **paint(stage, 0.08 + 0.5 * cell.value))
    value = text(x + wide / 2, y + 24, as_percent(cell.value), "middle", "value")
    note = text(x + wide / 2, y + 40, cell.note, "middle", "small") if cell.note else Markup("")
    return element("g", element("title", cell.tip or cell.note), shade, value, note)


@dataclass(frozen=True)
class Part:
    """A part of stacked bars: its name, how dark it is, whether it is hatched, one count a group."""

    name: str
    shade: float
    counts: Sequence[int]
    hatched: bool = False


def stacks(groups: Sequence[str], parts: Sequence[Part], stage: str, said: str, x_name: str = "") -> Markup:
    """Each group's counts as shares of its sum, one above the other: shades of one stage's colour."""
    height = 250.0
    frame = Frame(WIDTH, height, (0.0, float(len(groups))), (0.0, 1.0), top=34, bottom=46)
    stripe = element("path", d="M0 6L6 0M-1 1L1 -1M5 7L7 5", stroke=colour(stage), stroke_width="1.6")
    ground = element("rect", width="6", height="6", class_="ground")
    pattern = element("pattern", ground, stripe, id="hatch", width="6", height="6", patternUnits="userSpaceOnUse")
    drawn = [element("defs", pattern), *frame.rows(as_percent, about=5)]
    for place, group in enumerate(groups):
        total, below = sum(part.counts[place] for part in parts), 0
        left, right = frame.across(place + 0.16), frame.across(place + 0.84)
        for part in parts:
            if not (count := part.counts[place]):
                continue
            low, high = frame.up(below / total), frame.up((below + count) / total)
            below += count
            tip = element("title", f"{part.name}: {count:,} of {total:,}")
            box = {"x": left, "y": high, "width": right - left, "height": max(low - high - 1, 0.5)}
            drawn.append(element("g", tip, element("rect", **box, **_fill(part, stage))))
        drawn.append(text(frame.across(place + 0.5), height - 29, group, "middle", "tick strong"))
    drawn.append(text(WIDTH - frame.right, height - 8, x_name, "end", "axis"))
    drawn += _legend([(part.name, _square(**_fill(part, stage))) for part in parts])
    return canvas(WIDTH, height, said, *drawn)


def _fill(part: Part, stage: str) -> dict[str, str]:
    if part.hatched:
        return {"fill": "url(#hatch)", "stroke": colour(stage), "stroke_width": "1"}
    return paint(stage, part.shade)
