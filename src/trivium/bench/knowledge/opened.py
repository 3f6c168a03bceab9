"""`trivium bench audit-open MODEL`: refusals taught to open weights, before and after, told in eight lines.

1. The model is audited on questions with answers and on questions that nobody can answer; nothing is taught yet.
2. What it does not know becomes refusals, what it knows answers: of half of the entities, four fifths of the relations,
   and of no source that is held out.
3. Adapters (LoRA) learn them among other conversations, so that other abilities stay.
4. Beside it: the same without refusals, and with the same refusals dealt out to questions at random.
5. Each is audited on the same questions; what counts as known is read from the audit before.
6. Benchmarks, before and after, say what else the model has lost.
7. Columns: taught side, other entities, new relations, another source, unanswerable of each kind.
8. What is there is not made again; parts may run side by side, each with `--part NAME`, after `before`.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from trivium.bench.page import machine, table, write_section
from trivium.evals import sitting as sittings
from trivium.evals.benchmarks.reading import read_bank
from trivium.evals.knowledge.asking import Asking
from trivium.evals.knowledge.measures import change
from trivium.evals.knowledge.probe import split_of
from trivium.ground.artifact import open_artifact
from trivium.ground.atomic import read_json, write_atomic
from trivium.ground.config import check
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.journey.overrides import override
from trivium.journey.record import open_node
from trivium.journey.run import run
from trivium.pages.figures import percent, plain, points
from trivium.recipes.taught import taught
from trivium.stages.audit.asked import OpenAuditConfig
from trivium.stages.audit.bank import Bank, Sources, gather
from trivium.stages.audit.sitting import Audited, Other, is_there, label_of, read_other, sit
from trivium.stages.audit.speaker import speaker_of

DOCS = Path("docs/benchmarks.md")
PARTS = ("before", "plain", "taught", "shuffled")
NAMES = {"before": "before", "plain": "no refusals", "taught": "refusals", "shuffled": "dealt at random"}
REPLIES = 4
"""Sampled replies beside the greedy one."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked and taught."""

    model: Path
    probes: tuple[Path, ...]
    datasets: tuple[str, ...] = ()
    hold_out: tuple[str, ...] = ()
    limit: int = 1000
    """Questions of each source."""
    unanswerable: int = 200
    """Of each kind."""
    data: tuple[str, ...] = ()
    """Other conversations, as PATH or PATH:WEIGHT."""
    weight: float = 2.0
    """Passes an epoch over the audit's own conversations."""
    refusals: int = 4000
    tests: tuple[Path, ...] = ()
    tasks: tuple[str, ...] = ()
    items: int = 500
    """Of each benchmark."""
    samples: int = 16
    reply_tokens: int = 32
    lora: int = 16
    config: tuple[str, ...] = ()
    """Settings of the teaching: sft.epochs=3."""
    seed: int = 0
    out: Path = Path("runs/bench/audit-open")
    how: How = field(default_factory=How)

    @property
    def audit(self) -> OpenAuditConfig:
        """The audit before anything is taught."""
        asking = Asking(samples=self.samples, plain=REPLIES, plain_tokens=self.reply_tokens, seed=self.seed)
        return OpenAuditConfig(mode="chat", asking=asking, limit=self.limit, unanswerable=self.unanswerable,
                               held_out=self.hold_out, datasets=self.datasets, refusals=self.refusals,
                               seed=self.seed)  # fmt: skip

    @property
    def again(self) -> OpenAuditConfig:
        """The audits after: made to answer once only, for what is known is read from the one before."""
        return replace(self.audit, asking=replace(self.audit.asking, samples=1, draws=1))


def main(plan: Plan, parts: Sequence[str] = PARTS, docs: Path | None = DOCS) -> int:
    """Make what is missing of these parts; with all that are there print the tables and write the section."""
    for part in parts:
        check(part in PARTS, "part", part, f"Parts are {', '.join(PARTS)}.")
    plan.out.mkdir(parents=True, exist_ok=True)
    bank = gather(plan.audit, Sources(files=plan.probes), plan.how)
    base = audited(plan, bank, "before", plan.model, plan.audit)
    for part in parts:
        if part != "before":
            folder = teach(plan, part, base)
            audited(plan, bank, part, folder, plan.again, base)
            benchmarks(plan, part, folder)
        else:
            benchmarks(plan, part, plan.model)
    text = section(plan)
    print(text)
    write_atomic(plan.out / "audit-open.md", (text + "\n").encode())
    if docs is not None and docs.parent.is_dir() and set(parts) == set(PARTS):
        write_section(docs, "audit-open", text)
    return 0


def audited(
    plan: Plan, bank: Bank, part: str, folder: Path, config: OpenAuditConfig, base: Other | None = None
) -> Other:
    """The audit of a part's model at `<out>/audit-<part>`; one that is there is read."""
    who, out = Audited(NAMES[part], open_artifact(folder, "model").id), plan.out / f"audit-{part}"
    # An audit before takes the bank as its shots' source too, so that all parts ask in the same words.
    if not is_there(out, label_of(config, who, bank.asked, base)):
        sit(config, who, speaker_of(folder, "chat", plan.how), bank, out, plan.how, base)
    return read_other(out, NAMES[part])


def teach(plan: Plan, part: str, base: Other) -> Path:
    """The model of a part: taught the audit's conversations and the others; its folder."""
    name = "refusals_shuffled.jsonl" if part == "shuffled" else "refusals.jsonl"
    lines = list(read_jsonl(plan.out / "audit-before" / name))
    if part == "plain":
        lines = [line for line in lines if line["kind"] != "refusal"]
    file = plan.out / f"lessons-{part}.jsonl"
    write_atomic(file, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())
    data = json.dumps([f"{file}:{plan.weight:g}", *plan.data])
    settings = [f"conversations.data={data}", f"sft.start={plan.model.resolve()}", f"sft.lora.rank={plan.lora}"]
    journey = override(taught(plan.seed), [*settings, *plan.config])
    run(journey, plan.out / f"run-{part}", plan.how, about={"recipe": "taught", "seed": plan.seed})
    return open_node(plan.out / f"run-{part}", "sft", "model").path


def benchmarks(plan: Plan, part: str, folder: Path) -> None:
    """The benchmarks of a part's model, at `<out>/eval-<part>`, beside those before where they are there."""
    out = plan.out / f"eval-{part}"
    if not plan.tasks or (out / sittings.SUMMARY).is_file():
        return
    wish = sittings.Wish(plan.tasks, plan.items, 0, 1234)
    whole = sittings.Plan(wish, read_bank(plan.tests, plan.tasks))
    found = sittings.sit(folder, whole, plan.how)
    found.model = NAMES[part]
    first = plan.out / "eval-before"
    other = sittings.read_sitting(first) if part != "before" and (first / sittings.ITEMS).is_file() else None
    sittings.write(out, found, sittings.summarise(found, whole, other), other)


def section(plan: Plan) -> str:
    """The section of the documentation, of the parts that are there."""
    there = {part: read_json(path) for part in PARTS if (path := plan.out / f"audit-{part}" / "summary.json").is_file()}
    before = there["before"]
    labels = ", ".join(f"{number:,} {name.replace('-', ' ')}" for name, number in before["labels"].items())
    told = {part: read_json(path) for part in PARTS if (path := plan.out / f"eval-{part}" / "summary.json").is_file()}
    lessons = {part: len(list(read_jsonl(path))) for part in there
               if (path := plan.out / f"lessons-{part}.jsonl").is_file()}  # fmt: skip
    parts = [
        "## Refusals taught to open weights",
        f"`trivium bench audit-open {plan.model.name}`, {date.today().isoformat()}, {_where()}, Python "
        f"{platform.python_version()}. {before['probes']:,} questions ({_counted(before['sources'])}), k = "
        f"{plan.samples}; LoRA of rank {plan.lora}; lessons of the audit: {_counted(lessons)}, {plan.weight:g} passes "
        f"an epoch. Before: {labels}.",
        *(
            f"{column} (n = {before['columns'][column]['n']:,})\n\n" + "\n".join(table(
                ["", *(NAMES[part] for part in there)],
                [[name.replace("_", " "), *(_cell(one["columns"].get(column, {}), name) for one in there.values())]
                 for name in _figures(before["columns"][column], column)],
            ))
            for column in before["columns"] if before["columns"][column]["n"]
        ),
        "\n".join(table(["change", "of", "accuracy", "hallucination, quotient"], _changes(plan, list(there)))),
        "\n".join(table(["AUROC of a wrong answer, before", "answerable", "all"], [
            [key.replace("_", " "), *(plain(before["detectors"][side].get(key)) for side in ("answerable", "all"))]
            for key in before["detectors"]["answerable"]
        ])),
        "\n".join(table(["benchmark", *(NAMES[part] for part in told), *(f"change, {NAMES[p]}" for p in told
                                                                         if p != "before")], _benchmarks(told))),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _figures(column: dict[str, Any], name: str) -> list[str]:
    """The rates that say something about a side."""
    if name.startswith(("unanswerable", "invented")):
        return ["hallucination", "refusal_recall_unanswerable"]
    return ["accuracy", "hallucination", "wrong_of_answered", "abstained", "refusal_recall", "over_refusal",
            "over_refusal_known", "refusal_precision", "refusal_index"]  # fmt: skip


def _cell(column: dict[str, Any], name: str) -> str:
    figure = column.get(name)
    if name != "refusal_index" or not figure:
        return percent(figure)
    return f"{plain(figure)}; dealt anew {plain(figure['shuffled'])}"


def _changes(plan: Plan, parts: Sequence[str]) -> list[list[str]]:
    """From before, and from no refusals, to refusals: over all questions, and over those of sides not taught."""
    maps = {part: read_other(plan.out / f"audit-{part}").records for part in parts}
    rows = []
    for first, second in (("before", "plain"), ("before", "taught"), ("plain", "taught"), ("before", "shuffled")):
        if first in maps and second in maps:
            ids = list(maps[second])
            far = [id for id in ids if split_of(maps[second][id].probe, plan.hold_out, plan.seed) != "train"]
            for side, some in (("all", ids), ("all but the taught side", far)):
                told = change([maps[first][id] for id in some], [maps[second][id] for id in some])
                named = f"{NAMES[first]} to {NAMES[second]}"
                rows.append([named, side, points(told["accuracy"]), plain(told["hallucination"])])
    return rows


def _benchmarks(told: dict[str, Any]) -> list[list[str]]:
    if "before" not in told:
        return []
    gaps = {part: {row["name"]: row["difference"] for row in (one["against"] or {}).get("tasks", ())}
            for part, one in told.items()}  # fmt: skip
    rows = []
    for task, first in told["before"]["tasks"].items():
        metric = first["metric"]
        accs = [percent(one["tasks"].get(task, first)[metric]) for one in told.values()]
        changes = [points(gaps[part].get(task)) for part in told if part != "before"]
        rows.append([f"{task}, {metric}", *accs, *changes])
    return rows


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items())


def _where() -> str:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else machine()
