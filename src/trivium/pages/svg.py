"""SVG by hand: escaped text, elements, axes with round numbers. Everything drawn here inherits the page's colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

Format = Callable[[float], str]


def element(name: str, *children: str, **attributes: object) -> Markup:
    """An element. Attributes are escaped (`_` becomes `-`, a trailing one goes), and children that are not Markup."""
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(str(escape(child)) for child in children)
    return Markup(f"<{name}{pairs}>{inside}</{name}>" if inside else f"<{name}{pairs}/>")  # noqa: S704 - all parts are escaped above


def number(value: object) -> str:
    """Coordinates with one decimal at most; anything else as it is."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def text(x: float, y: float, said: str, place: str = "", style: str = "") -> Markup:
    """Words at a point; `place` is start (default), middle or end; `style` a class."""
    return element("text", said, x=x, y=y, text_anchor=place or None, class_=style or None)


def canvas(width: float, height: float, said: str, *children: Markup, role: str = "img") -> Markup:
    """An SVG image that scales with the page; `said` tells it to those who do not see it. With links inside its role is
    group: they are told one by one.
    """
    return element(
        "svg",
        element("title", said),
        *children,
        viewBox=f"0 0 {number(width)} {number(height)}",
        role=role,
        class_="chart",
        style=f"max-width:{number(width)}px",
    )


def path_through(points: Sequence[tuple[float, float]]) -> str:
    """The `d` of a line through points."""
    return "M" + "L".join(f"{number(float(x))} {number(float(y))}" for x, y in points)


def round_steps(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from within low..high, about so many. Steps are 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    raw = (high - low) / max(about, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((power * factor for factor in (1, 2, 5, 10)), key=lambda each: abs((high - low) / each - about))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


@dataclass(frozen=True)
class Frame:
    """The plotting area and the data's range: maps data to points and draws the axes."""

    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    left: float = 46
    right: float = 12
    top: float = 14
    bottom: float = 34

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The point of a datum; beyond the range, the range's end."""
        return self.across(x), self.up(y)

    def across(self, x: float) -> float:
        """The horizontal place of a datum."""
        return self.left + _part(x, self.x) * (self.width - self.left - self.right)

    def up(self, y: float) -> float:
        """The vertical place of a datum."""
        return self.height - self.bottom - _part(y, self.y) * (self.height - self.top - self.bottom)

    def rows(self, form: Format, name: str = "", about: int = 4) -> list[Markup]:
        """Horizontal hair lines with their values on the left, and the axis' name above them."""
        drawn = [text(0, self.top - 4, name, style="axis")] if name else []
        for value in round_steps(*self.y, about):
            y = self.up(value)
            drawn.append(element("line", x1=self.left, x2=self.width - self.right, y1=y, y2=y, class_="grid"))
            drawn.append(text(self.left - 8, y + 4, form(value), "end", "tick"))
        return drawn

    def columns(self, form: Format, name: str = "", about: int = 6) -> list[Markup]:
        """Values below the horizontal axis, and its name at the end."""
        y = self.height - self.bottom
        drawn = [element("line", x1=self.left, x2=self.width - self.right, y1=y, y2=y, class_="base")]
        drawn += [text(self.across(v), y + 17, form(v), "middle", "tick") for v in round_steps(*self.x, about)]
        return [*drawn, text(self.width - self.right, self.height - 2, name, "end", "axis")] if name else drawn


def _part(value: float, ends: tuple[float, float]) -> float:
    low, high = ends
    return min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.5
