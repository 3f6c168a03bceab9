"""The lines that a run prints: one as a stage starts, one with time and key facts as it is sealed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trivium.journey.graph import load
from trivium.journey.plan import Step

MOST_FACTS = 6


def started(number: int, total: int, step: Step) -> str:
    """`[ 6/19] base · learns to continue documents`, with a note when it continues or repairs."""
    note = {"to continue": " (continues)", "damaged": f" (again: {step.damage})"}.get(step.state, "")
    return f"[{number:>2}/{total}] {step.node.name}{_what(step)}{note}"


def finished(step: Step, seconds: float | None) -> str:
    """`        212 s · tokens 0.9 M · bits a byte 2.31`."""
    spent = [] if seconds is None else [duration(seconds)]
    return " " * 8 + " · ".join(spent + facts_of(step.artifact.manifest.get("facts", {})))


def kept(number: int, total: int, step: Step) -> str:
    """`[ 6/19] base · up to date`."""
    return f"[{number:>2}/{total}] {step.node.name} · up to date"


def facts_of(facts: Mapping[str, Any]) -> list[str]:
    """The first plain figures among a manifest's facts, as `name value`."""
    plain = [(name, value) for name, value in facts.items() if isinstance(value, str | int | float)]
    return [f"{name.replace('_', ' ')} {figure(value)}" for name, value in plain[:MOST_FACTS]]


def figure(value: Any) -> str:
    """A number as people read it: thousands with commas, three significant digits below that."""
    if isinstance(value, bool) or isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else value
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _what(step: Step) -> str:
    what = step.node.what
    if not what:
        doc = (load(step.node.entry).__doc__ or "").strip()
        what = doc.splitlines()[0].rstrip(".") if doc else ""
    return f" · {what}" if what else ""
