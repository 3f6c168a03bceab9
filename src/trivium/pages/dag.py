"""The lineage as a small graph: nodes in rows by how many steps they are from the start, edges as curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from trivium.pages.colours import colour
from trivium.pages.svg import canvas, element, text


@dataclass(frozen=True)
class Vertex:
    """A node: its name, a line below it, and the names of its parents."""

    name: str
    note: str
    parents: Sequence[str] = ()


LEAST = 496.0
"""Narrower graphs stand in the middle of this width, so that the page does not blow them up."""
WIDE, TALL, GAP_X, GAP_Y = 108.0, 38.0, 18.0, 26.0


def depths(vertices: Sequence[Vertex]) -> dict[str, int]:
    """How far each node is from one without parents, by the longest way. Parents that are not here do not count."""
    parents = {vertex.name: [p for p in vertex.parents if p != vertex.name] for vertex in vertices}
    found: dict[str, int] = {}

    def depth(name: str, seen: frozenset[str]) -> int:
        if name not in found:
            above = [depth(p, seen | {name}) for p in parents[name] if p in parents and p not in seen]
            found[name] = 1 + max(above, default=-1)
        return found[name]

    for name in parents:
        depth(name, frozenset())
    return found


def dag(vertices: Sequence[Vertex], said: str) -> Markup:
    """The graph from top to bottom, each node in its stage's colour; empty Markup without nodes."""
    if not vertices:
        return Markup("")
    deep = depths(vertices)
    rows: dict[int, list[Vertex]] = {}
    for vertex in vertices:
        rows.setdefault(deep[vertex.name], []).append(vertex)
    width = max(LEAST, max(len(row) for row in rows.values()) * (WIDE + GAP_X) - GAP_X + 4)
    places: dict[str, tuple[float, float]] = {}
    for depth, row in rows.items():
        left = (width - len(row) * (WIDE + GAP_X) + GAP_X) / 2
        for i, vertex in enumerate(row):
            places[vertex.name] = (left + i * (WIDE + GAP_X), 2 + depth * (TALL + GAP_Y))
    edges = [_edge(places[p], places[v.name], p) for v in vertices for p in v.parents if p in places and p != v.name]
    height = 4 + (max(rows) + 1) * (TALL + GAP_Y) - GAP_Y
    return canvas(width, height, said, *edges, *(_box(v, *places[v.name]) for v in vertices))


def _edge(start: tuple[float, float], end: tuple[float, float], parent: str) -> Markup:
    x1, y1, x2, y2 = start[0] + WIDE / 2, start[1] + TALL, end[0] + WIDE / 2, end[1]
    bend = max(12.0, (y2 - y1) / 2)
    d = f"M{x1:.1f} {y1:.1f}C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}"
    return element("path", d=d, stroke=colour(parent), class_="edge")


def _box(vertex: Vertex, x: float, y: float) -> Markup:
    ink = colour(vertex.name)
    return element(
        "g",
        element("rect", x=x, y=y, width=WIDE, height=TALL, rx=5, class_="ground"),
        element("rect", x=x, y=y, width=WIDE, height=TALL, rx=5, fill=ink, fill_opacity="0.12", stroke=ink),
        text(x + WIDE / 2, y + 16, vertex.name, "middle", "tick strong"),
        text(x + WIDE / 2, y + 30, vertex.note, "middle", "mono"),
    )
