"""The page of a logit lens: a table of positions and blocks, how the prediction forms, and attention patterns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

import trivium
from trivium.pages.charts import Line, as_number, lines, paint
from trivium.pages.render import render, style
from trivium.pages.svg import element, text

MOST_OPENED = 64
"""Positions that get a table of their own."""
SHADES = 12
MOST_TINT = 45
"""Percent of colour in a cell of probability 1: text on it keeps a contrast of 4.5 in every stage's colour."""
FAINTEST = 0.02
"""Shares below are left white."""


def lens_page(view: Mapping[str, Any], title: str, said: str, stage: str, position: int | None = None) -> str:
    """A self-contained page. `view` is what `trivium.model.inside.lens.view` gives; `stage` gives the colour."""
    tokens = [view["spelling"][str(index)] for index in view["tokens"]]
    names = [_short(row["name"]) for row in view["rows"][:-1]] + ["output"]
    opened = len(tokens) - 1 if position is None else position % len(tokens)
    return render(
        "lens.html",
        style=style(),
        version=trivium.__version__,
        title=title,
        said=said,
        stage=stage,
        names=names,
        rows=[_row(view, place, tokens) for place in range(len(tokens))],
        chart=_forming(view, stage),
        tables=[_table(view, place, tokens, names, place == opened) for place in _shown(len(tokens), opened)],
        patterns=[_block(i, heads, tokens, stage) for i, heads in enumerate(view["patterns"] or ())],
    )


def _short(name: str) -> str:
    return name.removeprefix("blocks.")


def _shown(count: int, opened: int) -> list[int]:
    """The positions that get a table: the last ones, and the one that was asked for."""
    return sorted({*range(max(0, count - MOST_OPENED), count), opened})


def _row(view: Mapping[str, Any], place: int, tokens: Sequence[str]) -> dict[str, Any]:
    follows = view["tokens"][place + 1] if place + 1 < len(tokens) else None
    return {"place": place, "token": tokens[place], "cells": [_cell(view, row, place, follows) for row in view["rows"]]}


def _cell(view: Mapping[str, Any], row: Mapping[str, Any], place: int, follows: int | None) -> dict[str, Any]:
    best = row["top"][place]
    index, probability = best[0]
    tip = "\n".join(f"{100 * share:.1f} %  {view['spelling'][str(each)]}" for each, share in best)
    return {"text": view["spelling"][str(index)], "share": _tint(probability), "tip": tip, "hit": index == follows}


def _tint(probability: float) -> int:
    """Percent of colour in a cell."""
    return round(MOST_TINT * probability)


def _table(
    view: Mapping[str, Any], place: int, tokens: Sequence[str], names: Sequence[str], open: bool
) -> dict[str, Any]:
    follows = view["tokens"][place + 1] if place + 1 < len(tokens) else None
    rows = []
    for name, row in zip(names, view["rows"], strict=True):
        cells = [
            {"text": view["spelling"][str(index)], "percent": f"{100 * share:.1f} %", "share": _tint(share),
             "hit": index == follows}
            for index, share in row["top"][place]
        ]  # fmt: skip
        rows.append({"name": name, "cells": cells, "distance": f"{row['distance'][place]:.2f}"})
    return {
        "place": place,
        "token": tokens[place],
        "follows": tokens[place + 1] if follows is not None else None,
        "rows": rows,
        "open": open,
    }


def _forming(view: Mapping[str, Any], stage: str) -> Markup:
    """Bits at the tokens that followed, and bits away from the output, by block, means over the text."""
    blocks = [row for row in view["rows"] if len(row["surprise"])]
    if not blocks:
        return Markup("")
    drawn = [
        Line(name, colour, [(float(i), _mean(row[key])) for i, row in enumerate(blocks)], dashed=dashed, marks=True)
        for name, key, colour, dashed in (
            ("at the tokens that followed", "surprise", stage, False),
            ("away from the output", "distance", "report", True),
        )
    ]
    told = "Bits by block: at the tokens that followed, and away from the output"
    return lines(drawn, told, x_name="blocks read", y_name="bits", y_form=as_number)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _block(
    number: int, heads: Sequence[Sequence[Sequence[float]]], tokens: Sequence[str], stage: str
) -> dict[str, Any]:
    return {"number": number, "heads": [_head(i, head, tokens, stage) for i, head in enumerate(heads)]}


def _head(number: int, rows: Sequence[Sequence[float]], tokens: Sequence[str], stage: str) -> dict[str, Any]:
    return {
        "map": heat_map(rows, tokens, f"Attention of head {number}", stage),
        "note": f"head {number}: {habit(rows)}",
    }


def habit(rows: Sequence[Sequence[float]]) -> str:
    """Where a head looks most of its time, of the three places that have a name: `62 % at the first token`."""
    later = rows[2:]  # before, the places are not yet apart
    if not later:
        return "too short to tell"
    shares = {"at the first token": 0, "at the one before": -2, "at itself": -1}
    name, share = max(((name, _mean([row[at] for row in later])) for name, at in shares.items()), key=lambda x: x[1])
    return f"{100 * share:.0f} % {name}"


def heat_map(rows: Sequence[Sequence[float]], tokens: Sequence[str], said: str, stage: str) -> Markup:
    """A lower triangle: a row for each query, a column for each key, as dark as the share. One path for each shade."""
    side = max(3, min(20, 176 // len(rows)))
    named = side >= 9
    left, paths = 74 if named else 1, dict[int, list[str]]()
    for q, row in enumerate(rows):
        for k, share in enumerate(row):
            if share >= FAINTEST:
                square = f"M{left + k * side} {q * side}h{side - 1}v{side - 1}h{1 - side}z"
                paths.setdefault(math.ceil(share * SHADES), []).append(square)
    size = side * len(rows)
    ground = element("path", d=f"M{left} 0L{left + size} {size}H{left}Z", class_="empty")
    drawn = [
        element("path", d="".join(d), **paint(stage, 0.1 + 0.9 * shade / SHADES)) for shade, d in sorted(paths.items())
    ]
    words = (
        [text(left - 5, (q + 0.5) * side + 3, _cut(token), "end", "key") for q, token in enumerate(tokens)]
        if named
        else []
    )
    box, width = f"0 0 {left + size} {size}", f"width:{left + size}px"
    return element(
        "svg", element("title", said), ground, *drawn, *words, viewBox=box, role="img", class_="map", style=width
    )


def _cut(token: str) -> str:
    return token if len(token) <= 11 else token[:10] + "…"
