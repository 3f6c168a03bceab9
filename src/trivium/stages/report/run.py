"""The report, told in six lines.

1. Every artifact of the run is an input; any may be missing or unfinished, and then its section says so.
2. Each section has a room here that reads files and gives values, and a template in `pages` that shows them.
3. `effects.json` says what each stage changed, against its target, for people and programs.
4. All text is escaped, what the models said above all; the page loads nothing from anywhere.
5. `report.html` comes out, and beside it `funnel.html` with documents to read: they open offline, in light and dark, on
   paper and by keyboard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

import trivium
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_atomic, write_json
from trivium.ground.how import How
from trivium.pages.render import render, style
from trivium.stages.report import (
    funnel,
    knowledge,
    lineage,
    manners,
    oddities,
    practice,
    preference,
    pretraining,
    tokens,
)
from trivium.stages.report.config import FORMAT, STAGE, ReportConfig
from trivium.stages.report.effects import effects
from trivium.stages.report.reading import UNFINISHED, Inputs, gather, lines_of
from trivium.stages.report.sieve.page import NAME, funnel_page
from trivium.stages.report.story import split_ends, story, tight

Reader = Callable[[Inputs, ReportConfig], dict[str, Any] | None]


@dataclass(frozen=True)
class Section:
    """A section of the page: its anchor and token, the stage that colours it, its heading, and who fills it."""

    token: str
    stage: str
    title: str
    missing: str
    template: str
    read: Reader
    nodes: tuple[str, ...] = ()
    """The nodes that it tells of."""
    command: str = ""
    """What makes it, RUN being the run's folder."""


SECTIONS = (
    Section(
        "corpus",
        "corpus",
        "Pages become documents",
        "No documents were selected in this run.",
        funnel.TEMPLATE,
        funnel.section,
        ("town", "scored", "selected"),
        "trivium corpus --from RUN",
    ),
    Section(
        "tokens",
        "tokenizer",
        "Documents become numbers",
        "There is no tokenizer in this run.",
        tokens.TEMPLATE,
        tokens.section,
        ("tokenizer", "shards"),
        "trivium tokenizer --from RUN",
    ),
    Section(
        "base",
        "base",
        "A simulator of documents",
        "No base model was trained in this run.",
        pretraining.TEMPLATE,
        pretraining.section,
        ("base",),
        "trivium pretrain --from RUN",
    ),
    Section(
        "audit",
        "audit",
        "What it knows and what it makes up",
        "No model was audited in this run.",
        knowledge.TEMPLATE,
        knowledge.section,
        ("audit-base", "audit-plain", "audit-sft", "audit-rl"),
        "trivium audit --from RUN --node audit-sft",
    ),
    Section(
        "sft",
        "sft",
        "Manners",
        "No conversations were learned in this run.",
        manners.TEMPLATE,
        manners.section,
        ("sft", "plain"),
        "trivium sft --from RUN",
    ),
    Section(
        "reward",
        "reward",
        "A taste",
        "No reward model was trained in this run.",
        preference.TEMPLATE,
        preference.section,
        ("reward",),
        "trivium reward --from RUN",
    ),
    Section(
        "rl",
        "rl",
        "Practice",
        "There was no reinforcement learning in this run.",
        practice.TEMPLATE,
        practice.section,
        ("warm", "rl"),
        "trivium rl --from RUN",
    ),
    Section(
        "quirks",
        "quirks",
        "Oddities",
        "No model met the quirk battery in this run.",
        oddities.TEMPLATE,
        oddities.section,
        ("quirks-base", "quirks-sft", "quirks-rl"),
        "trivium quirks --from RUN --node quirks-sft",
    ),
    Section(
        "lineage",
        "report",
        "Where everything comes from",
        "There are no artifacts in this run.",
        lineage.TEMPLATE,
        lineage.section,
        (),
        "trivium lineage RUN",
    ),
)


def label_of(config: ReportConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal."""
    return Label("report", STAGE, FORMAT, config, parents_of(inputs))


def run(config: ReportConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Write `report.html`, `funnel.html` (where documents were selected) and `effects.json` from the inputs, by node
    name, and seal them at `out`. Raises Stopped.
    """
    rows = effects(inputs)
    how.stop.check("before the report was written")
    facts = {"effects": len(rows), "met": sum(row["met"] is True for row in rows)}
    with sealing(out, label_of(config, inputs), facts) as folder:
        (folder / "report.html").write_text(page(config, inputs, rows), encoding="utf-8")
        if documents := funnel_page(inputs, config):
            (folder / NAME).write_text(documents, encoding="utf-8")
        write_json(folder / "effects.json", rows)
    return open_artifact(out, "report")


def snapshot(config: ReportConfig, folder: Path, to: Path) -> list[dict[str, Any]]:
    """Write the page of a run folder as it stands, stopped or still running, to `to`, and funnel.html beside it; the
    effects come back.

    Nothing is sealed and nothing is run: unfinished stages show what they have logged. Raises ArtifactError where
    there is no folder.
    """
    inputs = gather(folder)
    rows = effects(inputs)
    write_atomic(to, page(config, inputs, rows).encode())
    if documents := funnel_page(inputs, config):
        write_atomic(to.with_name(NAME), documents.encode())
    return rows


def page(config: ReportConfig, inputs: Inputs, rows: list[dict[str, Any]]) -> str:
    """The whole page, with the effects' rows at its top; where nothing was trained, without what is about models."""
    trained = "selected" not in inputs or any(name in inputs for name in ("town", "base"))
    sections = [_section(section, inputs, config) for section in SECTIONS]
    return render(
        "page.html",
        title=config.title,
        style=style(),
        story=story(inputs),
        effects=[_split(row) for row in rows],
        met=sum(row["met"] is True for row in rows),
        sections=[section for section in sections if trained or section["here"]],
        trained=trained,
        version=trivium.__version__,
        artifacts=sum(artifact.kind != UNFINISHED for artifact in inputs.values()),
    )


def _section(section: Section, inputs: Inputs, config: ReportConfig) -> dict[str, Any]:
    values = section.read(inputs, config)
    body = Markup(render(section.template, **values)) if values is not None else ""  # noqa: S704 - escaped in render
    return {
        "id": section.token,
        "token": section.token,
        "stage": section.stage,
        "title": section.title,
        "command": section.command,
        "missing": section.missing,
        "gaps": gaps(section.nodes, inputs),
        "here": values is not None,
        "body": body,
    }


def gaps(nodes: tuple[str, ...], inputs: Inputs) -> str:
    """Which of a section's nodes are not there, and how far unfinished ones have come; empty when all are whole."""
    absent = [name for name in nodes if name not in inputs]
    told = [f"Not in this run: {', '.join(absent)}."] if absent else []
    for name in nodes:
        if name in inputs and inputs[name].kind == UNFINISHED:
            steps = [line["step"] for line in lines_of(inputs, name, "metrics.jsonl")]
            reached = f" after step {steps[-1]:,}" if steps else ""
            told.append(f"{name} is not finished: these are its figures{reached}.")
    return " ".join(told)


def _split(row: dict[str, Any]) -> dict[str, Any]:
    before, after = split_ends(row["before"]), split_ends(row["after"])
    words = {key: tight(row[key]) for key in ("effect", "target", "detail")}
    was = {"before_value": tight(before[0]), "before_ends": before[1]}
    return row | words | was | {"after_value": tight(after[0]), "after_ends": after[1]}
