"""Figures in words. Intervals are the JSON that `evals.intervals` writes: `{value, low, high, n}`, null for none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NONE = "–"
Figure = Mapping[str, Any]


def percent(figure: Figure | None, ends: bool = True) -> str:
    """`84.2 % [80.1, 87.6]`, without the ends on request; a dash when no item could tell."""
    if figure is None or figure.get("value") is None:
        return NONE
    text = f"{100 * figure['value']:.1f} %"
    return text + _ends(figure, 100, "{:.1f}") if ends else text


def points(figure: Figure | None) -> str:
    """A difference of shares in points: `+23.4 [+19.0, +27.8] points`."""
    if figure is None or figure.get("value") is None:
        return NONE
    return f"{100 * figure['value']:+.1f}{_ends(figure, 100, '{:+.1f}')} points"


def plain(figure: Figure | None, digits: int = 3) -> str:
    """`2.314 [2.251, 2.377]`."""
    if figure is None or figure.get("value") is None:
        return NONE
    form = f"{{:.{digits}f}}"
    return form.format(figure["value"]) + _ends(figure, 1, form)


def count(value: float | None) -> str:
    """`1,234`; a dash for None."""
    return NONE if value is None else f"{value:,.0f}"


def short(value: Any) -> str:
    """Any figure of a manifest, a log or a config, as short as it can be said without lying."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (isinstance(value, float) and abs(value) >= 1000):
        return f"{value:,.0f}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def size(count_of_bytes: float) -> str:
    """`812 B`, `3.4 kB`, `27.7 MB`."""
    for unit, scale in (("MB", 1e6), ("kB", 1e3)):
        if count_of_bytes >= scale:
            return f"{count_of_bytes / scale:.1f} {unit}"
    return f"{count_of_bytes:.0f} B"


def duration(seconds: float) -> str:
    """`4.2 s`, `48 s`, `9 min 23 s`, `2 h 05 min`."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


def _ends(figure: Figure, scale: float, form: str) -> str:
    low, high = figure.get("low"), figure.get("high")
    if low is None or high is None:
        return ""
    return f" [{form.format(scale * low)}, {form.format(scale * high)}]"
