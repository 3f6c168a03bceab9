"""The top of the page: one paragraph that tells the whole education, in the figures of this run."""

from __future__ import annotations

from typing import Any

from trivium.pages.figures import count
from trivium.stages.report.reading import Inputs, deep, interval, json_of


def story(inputs: Inputs) -> str:
    """The paragraph: a sentence for each stage that has figures."""
    told = [_corpus(inputs), _base(inputs), _audit(inputs), _sft(inputs), _rl(inputs)]
    return " ".join(filter(None, told)) or "Nothing has been run yet."


def split_ends(text: str) -> tuple[str, str]:
    """`84.2 % [80.1, 87.6]` as its value and its ends, for the page to set apart."""
    value, bracket, rest = text.partition(" [")
    return value, (f"[{rest}" if bracket else "")


def tight(text: str) -> str:
    """The text with its figures held together with the signs around them, for the page."""
    gap = "\N{NO-BREAK SPACE}"
    return text.replace(" %", f"{gap}%").replace("≥ ", f"≥{gap}").replace("≤ ", f"≤{gap}")


def _corpus(inputs: Inputs) -> str:
    account = json_of(inputs, "selected", "funnel.json")
    if account is None:
        return ""
    real = next((source for source in account["sources"] if source["source"] == "web"), None)
    tokens = inputs["base"].manifest.get("facts", {}).get("tokens") if "base" in inputs else None
    documents = sum(size["documents"] for size in deep(account, "selected", "train").values())
    kept = f"{count(real['out'])} of {count(real['in'])} real pages were kept" if real else ""
    town = any(source["source"].startswith("town:") for source in account["sources"])
    left = f"with the town's, {count(documents)}" if town else f"{count(documents)}"
    told = "; ".join(filter(None, (kept, f"{left} documents were left to learn from")))
    return told + (f": {count(tokens)} tokens in all readings." if tokens else ".")


def _base(inputs: Inputs) -> str:
    bins = deep(json_of(inputs, "audit-base", "summary.json"), "bins") or []
    parameters = inputs["base"].manifest.get("facts", {}).get("parameters") if "base" in inputs else None
    who = f"A model of {parameters / 1e6:.1f} million parameters" if parameters else "A model"
    told = [b for b in bins if interval(b, "cloze")]
    if len(told) < 2:
        return f"{who} read them." if parameters else ""
    often, never = told[-1], told[0]
    return (
        f"{who} read them and completes {_whole(often['cloze'])} of the facts that it read {often['bin']} times and "
        f"{_whole(never['cloze'])} of those that it never read."
    )


def _audit(inputs: Inputs) -> str:
    invented = interval(json_of(inputs, "audit-base", "summary.json"), "invented")
    return f"Asked about people who do not exist, it answered {_whole(invented)} of the time." if invented else ""


def _sft(inputs: Inputs) -> str:
    was, now = (interval(json_of(inputs, f"audit-{name}", "summary.json"), "invented") for name in ("plain", "sft"))
    if now is None:
        return ""
    without = f" instead of {_whole(was)}" if was else ""
    due = interval(json_of(inputs, "audit-sft", "summary.json"), "well_known", "test", "refused")
    price = f", and refuses {_whole(due)} of what it should know well" if due else ""
    return f"Conversations taught it manners and refusals: it now answers {_whole(now)}{without}{price}."


def _rl(inputs: Inputs) -> str:
    evals: Any = json_of(inputs, "rl", "evals.json")
    was, now = interval(evals, "heldout", "warm"), interval(evals, "heldout", "rl")
    if was is None or now is None:
        return ""
    return f"Practice on problems that can be checked took it from {_whole(was)} to {_whole(now)} of those held out."


def _whole(figure: dict[str, Any] | None) -> str:
    return "–" if figure is None else f"{100 * figure['value']:.0f}\N{NO-BREAK SPACE}%"
