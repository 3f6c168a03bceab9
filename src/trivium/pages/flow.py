"""A stream of things through layers, from top to bottom; what a layer takes branches off to the right, by reason.

Widths are proportional to counts (a Sankey diagram), but for a hair that the smallest branch keeps. Branches and layers
may link to where they are told in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from trivium.pages.charts import WIDTH, paint
from trivium.pages.svg import canvas, element, number, text

ROW, LABEL, END = 38.0, 21.0, 38.0
"""Least height of a layer, of a branch's label, and the height of what comes in and what is left."""
HAIR = 0.8
ELBOW = 14.0
"""The inner radius of a branch's bend."""
PALE, SOLID = 0.3, 0.62


@dataclass(frozen=True)
class Branch:
    """What goes for one reason: its name, how many, and where it is told."""

    name: str
    count: int
    href: str = ""
    note: str = ""
    """What the reason means; shown where the shape has room."""


@dataclass(frozen=True)
class Step:
    """A layer: what came in, what is left, and its branches, which sum to the difference."""

    name: str
    came: int
    left: int
    branches: Sequence[Branch] = field(default_factory=tuple)
    href: str = ""


@dataclass(frozen=True)
class Shape:
    """Where things stand, in units of the picture: the stem's left edge and most width, where branches end."""

    width: float = WIDTH
    stem: float = 136.0
    stem_width: float = 210.0
    end: float = 396.0
    notes: bool = False
    """Whether branches' notes are shown."""


WIDE = Shape()
WIDER = Shape(width=912.0, stem=136.0, stem_width=250.0, end=432.0, notes=True)
NARROW = Shape(width=400.0, stem=124.0, stem_width=84.0, end=232.0)
LETTER = 6.6
"""How wide a letter is at most, on the mean: names that do not fit are cut."""


def flow(steps: Sequence[Step], stage: str, said: str, shape: Shape = WIDE) -> Markup:
    """The stream in a stage's colour; `said` tells it in a sentence. Empty Markup without steps."""
    if not steps:
        return Markup("")
    scale = shape.stem_width / max(1, *(step.came for step in steps))
    came, left = steps[0].came, steps[-1].left
    parts = [_bar(shape, 0, END, came * scale), *_told(shape, 0, "in", f"{came:,}", "")]
    y = END
    for step in steps:
        drawn, height = _step(step, y, scale, stage, shape)
        parts += drawn
        y += height
    share = f"{100 * left / came:.1f} %" if came else "0 %"
    parts += [
        _bar(shape, y, END, left * scale),
        _edge(shape, y, left * scale),
        *_told(shape, y, "out", f"{left:,} · {share}", ""),
    ]
    ink = paint(stage, SOLID)
    return canvas(shape.width, y + END + 2, said, element("g", *parts, **ink), role="group")


def _step(step: Step, y: float, scale: float, stage: str, shape: Shape) -> tuple[list[Markup], float]:
    """A layer's shapes and its height."""
    right, top = shape.stem + step.came * scale, y + 5
    branches = []
    for branch in sorted(step.branches, key=lambda one: (-one.count, one.name)):
        thick = branch.count * scale
        room = max(LABEL, thick + 4)
        middle = top + room / 2
        band = _band(right - thick, right, y, middle - thick / 2, middle + thick / 2, shape.end)
        branches.append(_link(branch, step, band, middle, max(room, LABEL), stage, shape))
        right -= thick
        top += room
    height = max(ROW, top - y + 4)
    lost = step.came - step.left
    note = f"{step.left:,} left" if lost else f"{step.left:,}"
    stem = _bar(shape, y, height, step.left * scale)
    return [*branches, stem, _edge(shape, y, step.came * scale), *_told(shape, y, step.name, note, step.href)], height


def _bar(shape: Shape, y: float, height: float, width: float) -> Markup:
    return element("rect", x=shape.stem, y=y, width=max(width, HAIR if width else 0.0), height=height + 0.3)


def _edge(shape: Shape, y: float, width: float) -> Markup:
    """The hair line between two layers."""
    return element("rect", x=shape.stem, y=y, width=width, height=1, class_="ground")


def _told(shape: Shape, y: float, name: str, note: str, href: str) -> list[Markup]:
    """A layer's name and what it leaves, on the left of the stem."""
    x = shape.stem - 10
    words = [text(x, y + 15, _cut(name.replace("_", " "), x), "end", "strong"), text(x, y + 29, note, "end", "note")]
    return [element("a", *words, href=href)] if href else words


def _band(x0: float, x1: float, y: float, top: float, bottom: float, end: float) -> Markup:
    """A ribbon that leaves the stem downwards between x0 and x1 at y, and ends rightwards between top and bottom."""
    if x1 - x0 < HAIR:
        x0, bottom, top = x1 - HAIR, (top + bottom + HAIR) / 2, (top + bottom - HAIR) / 2
    outer = min(ELBOW, top - y, end - x1)
    inner = min(ELBOW + x1 - x0, bottom - y, end - x0)
    points = (x1, y, x1, top - outer, x1, top, x1 + outer, top, end, top, end, bottom, x0 + inner, bottom, x0, bottom)
    d = "M{} {}L{} {}Q{} {} {} {}L{} {}L{} {}L{} {}Q{} {} {} {}L{} {}Z"
    return element("path", d=d.format(*(number(float(p)) for p in (*points, x0, bottom - inner, x0, y))))


def _link(branch: Branch, step: Step, band: Markup, middle: float, room: float, stage: str, shape: Shape) -> Markup:
    """A branch with its label, as a link where it has somewhere to go."""
    name, count = branch.name.replace("_", " "), f"{branch.count:,}"
    room_left = shape.width - shape.end - 8 - (len(count) + 1) * LETTER
    words = _cut(name, room_left)
    parts = [element("tspan", count, class_="count"), f" {words}"]
    room_left -= (len(words) + 2) * LETTER
    if shape.notes and branch.note and room_left > 60:
        parts.append(element("tspan", _cut(branch.note, room_left * LETTER / 5.6), dx=10.0, class_="note"))
    label = element("text", *parts, x=shape.end + 8, y=middle + 4)
    tip = f"{name}: {branch.count:,} of {step.came:,} ({100 * branch.count / max(step.came, 1):.1f} %)"
    box = element("rect", x=shape.end, y=middle - room / 2, width=shape.width - shape.end, height=room, class_="catch")
    drawn = [element("title", tip), element("g", band, **paint(stage, PALE)), box, label]
    return element("a", *drawn, href=branch.href, class_="branch") if branch.href else element("g", *drawn)


def _cut(name: str, room: float) -> str:
    most = max(4, int(room / LETTER))
    return name if len(name) <= most else name[: most - 1] + "…"
