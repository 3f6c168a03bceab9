"""`funnel.html`: documents flowing through the layers, those to read behind every branch, and pages beside their texts.

It is large, so it is no part of `report.html`. It opens offline; its few lines of script open the fold that a link
points to, and run by their hash alone.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from markupsafe import Markup, escape

import trivium
from trivium.pages.flow import NARROW, WIDE, WIDER, Shape, flow
from trivium.pages.frame import srcdoc
from trivium.pages.render import TEMPLATES, render, style
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.reading import Inputs, deep, json_of, lines_of
from trivium.stages.report.sieve.account import Source, sources_of

NAME = "funnel.html"
TEMPLATE = "funnel.html"
PAGES_BYTES = 3_000_000
"""Of pages beside their texts, escaped; what goes beyond it is left out."""


def funnel_page(inputs: Inputs, config: ReportConfig) -> str:
    """The page, or "" when no documents were selected."""
    sources = sources_of(inputs, config.examples)
    if not sources:
        return ""
    behind = [source for source in sources if not source.drops and len(source.layers) == 1]
    script = (TEMPLATES / "funnel.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return render(
        TEMPLATE,
        title=config.title,
        style=style(),
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=digest,
        sources=[{"source": source, **pictures(source, "", WIDER)} for source in sources if source not in behind],
        behind=behind,
        pages=beside(inputs),
        version=trivium.__version__,
    )


def pictures(source: Source, page: str, wide: Shape = WIDE) -> dict[str, Any]:
    """The source's flow, wide and narrow, with links into `page`; None for a source that lost nothing."""
    if not source.drops:
        return {"wide": None, "narrow": None}
    said = f"Flow of {source.name}: {source.came:,} documents in, {source.left:,} out."
    steps = source.steps(page)
    return {
        "wide": flow(steps, "corpus", said, shape=wide),
        "narrow": flow(steps, "corpus", said, shape=NARROW),
    }


def beside(inputs: Inputs) -> list[dict[str, Any]] | None:
    """Pages with their texts from `scored`, each with a `frame` to show it in, as many as PAGES_BYTES hold; None where
    no pages were kept.
    """
    if "scored" not in inputs or not inputs["scored"].has("pages_sample.jsonl"):
        return None
    fates = deep(json_of(inputs, "selected", "funnel.json"), "pages") or {}
    shown, room = [], PAGES_BYTES
    for number, page in enumerate(lines_of(inputs, "scored", "pages_sample.jsonl")):
        frame = srcdoc(page["html"], page["text"])
        room -= sum(len(escape(value).encode()) for value in (frame, page["html"], page["text"]))
        if room < 0:
            break
        fate = fates.get(page["id"])
        shown.append(
            page
            | {
                "anchor": f"p{number}",
                "frame": frame,
                "fate": "" if fate is None else f"dropped by {fate[0]}: {fate[1]}" if fate else "stayed",
                "more": max(0, page["characters"] - len(page["text"])),
            }
        )
    return shown
