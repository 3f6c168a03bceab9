"""Amounts beside each other: a horizontal bar for each name, in its stage's colour, with the amount in words."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from trivium.pages.charts import WIDTH, paint
from trivium.pages.svg import canvas, element, text


def amounts(rows: Sequence[tuple[str, float, str]], said: str) -> Markup:
    """Bars of (name, amount, the amount in words), the name deciding the colour. Empty Markup without rows."""
    if not rows:
        return Markup("")
    row, left, right = 23.0, 110.0, 110.0
    scale = (WIDTH - left - right) / max(1e-9, *(amount for _, amount, _ in rows))
    parts = []
    for i, (name, amount, words) in enumerate(rows):
        y, wide = i * row, max(amount * scale, 1.0)
        parts.append(text(left - 10, y + 14, name, "end", "tick strong"))
        parts.append(element("rect", x=left, y=y + 3, width=wide, height=15.0, rx=1.5, **paint(name, 0.9)))
        parts.append(text(left + wide + 8, y + 15, words, style="tick"))
    return canvas(WIDTH, len(rows) * row + 4, said, *parts)
