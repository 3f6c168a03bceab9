"""Section 5: SFT. The conversations, how well they are imitated, and what the model says now."""

from __future__ import annotations

from typing import Any

from trivium.pages.figures import count
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.knowledge import same_questions
from trivium.stages.report.pretraining import loss_chart
from trivium.stages.report.reading import Inputs, deep, json_of, lines_of, series

TEMPLATE = "manners.html"
SIDE_BY_SIDE = ("base", "sft", "rl")


def section(inputs: Inputs, _config: ReportConfig) -> dict[str, Any] | None:
    """What the template shows; None without an SFT model."""
    if "sft" not in inputs:
        return None
    evals, facts = json_of(inputs, "sft", "evals.json"), inputs["sft"].manifest.get("facts", {})
    drawn = [("without refusals", "plain", series(lines_of(inputs, "plain", "metrics.jsonl"), "loss")),
             ("sft", "sft", series(lines_of(inputs, "sft", "metrics.jsonl"), "loss"))]  # fmt: skip
    return {
        "numbers": [(key, count(facts[key])) for key in ("conversations", "refusals", "steps") if key in facts],
        "loss": loss_chart([line for line in drawn if line[2]], "Loss of supervised fine-tuning by step."),
        "kinds": kinds(deep(evals, "conversations") or {}, deep(evals, "heldout_loss") or {}),
        "samples": json_of(inputs, "sft", "samples.json") or [],
        "asked": same_questions(_maps(inputs), 2),
    }


def _maps(inputs: Inputs) -> dict[str, list[dict[str, Any]]]:
    """What the audits heard from the models that stand side by side."""
    heard = {name: lines_of(inputs, f"audit-{name}", "map.jsonl") for name in SIDE_BY_SIDE}
    return {name: records for name, records in heard.items() if records}


def kinds(counts: dict[str, int], losses: dict[str, Any]) -> list[list[str]]:
    """Rows of the mix: kind, conversations, held-out loss before and after; the whole last."""
    names = [*sorted(counts, key=lambda kind: -counts[kind]), *(["all"] if counts else [])]
    whole = {**counts, "all": sum(counts.values())}
    return [[name, count(whole[name]), _loss(losses, name, "before"), _loss(losses, name, "after")] for name in names]


def _loss(losses: dict[str, Any], kind: str, when: str) -> str:
    value = deep(losses, kind, when)
    return "–" if value is None else f"{value:.3f}"
