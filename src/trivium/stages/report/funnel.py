"""Section 1: the corpus funnel. Per source what came in, what left, and the reason for every drop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trivium.pages.charts import Stage, funnel
from trivium.pages.figures import count
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.reading import Inputs, deep, json_of

TEMPLATE = "corpus.html"


def section(inputs: Inputs, config: ReportConfig) -> dict[str, Any] | None:
    """What the template shows; None when no documents were selected."""
    account = json_of(inputs, "selected", "funnel.json")
    if account is None:
        return None
    sources = account["sources"]
    dropping = [source for source in sources if any(layer["in"] > layer["out"] for layer in source["layers"])]
    told = ["A page passes these layers in this order and leaves at the first that it fails. Its reason is counted."]
    whole = _names(source for source in sources if source not in dropping and len(source["layers"]) > 1)
    if whole:
        told.append(f"No layer dropped anything of {whole}.")
    behind = _names(source for source in sources if source not in dropping and len(source["layers"]) == 1)
    if behind:
        told.append(f"These entered behind the filters, which would rightly drop columns of digits: {behind}.")
    told += account.get("advice", [])
    return {"lede": " ".join(told), "funnels": [_funnel(source, config) for source in dropping], "mix": mix(account)}


def _names(sources: Iterable[dict[str, Any]]) -> str:
    return ", ".join(f"{source['source']} ({count(source['in'])})" for source in sources)


def _funnel(source: dict[str, Any], config: ReportConfig) -> dict[str, Any]:
    stages = [
        Stage(layer["name"].replace("_", " "), layer["in"], layer["out"], _main_reason(layer))
        for layer in source["layers"]
    ]
    edits = [f"{layer['name']} {what} {count(times)}" for layer in source["layers"]
             for what, times in layer["changed"].items() if times]  # fmt: skip
    caption = "Pages left after each layer; pale is what the layer drops, with its most frequent reason."
    if edits:
        caption += f" Edits to pages that stay: {', '.join(edits)}."
    reasons = [
        {"layer": layer["name"], "name": reason, "count": dropped,
         "examples": layer["examples"].get(reason, [])[: config.examples]}
        for layer in source["layers"] for reason, dropped in sorted(layer["dropped"].items(), key=lambda r: -r[1])
    ]  # fmt: skip
    said = f"Funnel of {source['source']}: {source['in']:,} pages in, {source['out']:,} out."
    return {"name": source["source"], "came": source["in"], "left": source["out"], "reasons": reasons,
            "chart": funnel(stages, "corpus", said), "caption": caption}  # fmt: skip


def _main_reason(layer: dict[str, Any]) -> str:
    reasons = sorted(layer["dropped"].items(), key=lambda item: -item[1])
    if not reasons:
        return ""
    return str(reasons[0][0]).replace("_", " ") + (f" and {len(reasons) - 1} more" if len(reasons) > 1 else "")


def mix(account: dict[str, Any]) -> list[list[str]]:
    """Rows of the training mix: source, documents, characters, share of the characters, documents held out."""
    train, heldout = (deep(account, "selected", split) or {} for split in ("train", "heldout"))
    total = sum(size["characters"] for size in train.values()) or 1
    return [
        [source, count(size["documents"]), count(size["characters"]), f"{100 * size['characters'] / total:.1f} %",
         count(heldout.get(source, {}).get("documents", 0))]
        for source, size in sorted(train.items(), key=lambda item: -item[1]["characters"])
    ]  # fmt: skip
