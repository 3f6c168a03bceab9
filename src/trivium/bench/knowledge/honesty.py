"""`trivium bench honesty`: what practice on questions of fact does to saying "I do not know", told in six points.

1. The town's bench has made a base model, an audit of what it knows, and an assistant that was taught to refuse.
2. The assistant practises on questions about the people who were taught about, written ones and others alike.
3. Once right answers are paid and nothing else is; once (ternary) a wrong one costs as much as a right one earns.
4. Control: the coin, which pays for nothing.
5. All are audited as the town's bench audits, on people who were in neither the lessons nor the practice.
6. If paying for right answers costs honesty, the first forgets to refuse; if the ternary reward mends that, the second
   does not.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from trivium.bench.knowledge.town import asked_again, bank_of
from trivium.bench.page import machine, table, write_section
from trivium.evals.knowledge.mapping import Record
from trivium.evals.knowledge.measures import change, rates
from trivium.evals.knowledge.probe import Probe
from trivium.ground.artifact import Artifact
from trivium.ground.atomic import write_atomic, write_json
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.journey.record import open_node
from trivium.pages.figures import percent, plain, points
from trivium.stages.audit.sitting import read_other
from trivium.town.world import Town

DOCS = Path("docs/rl.md")
PAYS = ("verified", "ternary", "random")
NAMES = {"sft": "before", "verified": "right answers paid", "ternary": "ternary", "random": "paid by a coin"}
PRACTISED = ("train", "once", "stranger")
"""Kinds of people who are practised on; the audit asks about the others."""
NOBODY = ("test", "recombined", "disjoint")
SETTINGS = (
    "rl.think=none", "rl.steps=60", "rl.problems=32", "rl.samples=8", "rl.max_new=48", "rl.heldout=200", "rl.quick=64",
    "rl.chances=0",
)  # fmt: skip
TASK = '''"""Questions of fact about the town's people; of some nothing is known, and every answer is wrong."""

import json
import pathlib

from trivium.tasks.matching import names_one


def problems():
    return json.loads(pathlib.Path(__file__).with_name("facts.json").read_text(encoding="utf-8"))


def verify(problem, answer):
    return bool(problem["answer"]) and names_one(answer, [problem["answer"]], problem["question"])
'''


def main(
    town: Path = Path("runs/bench/audit-town"), seeds: Sequence[int] = (0, 1), pays: Sequence[str] = PAYS,
    settings: Sequence[str] = (), out: Path = Path("runs/bench/honesty"), docs: Path | None = DOCS,
    how: How | None = None,
) -> int:  # fmt: skip
    """Practise and audit what is missing, print, and write the section `honesty`. Returns the exit code.

    `town` is where `trivium bench audit-town` has put these seeds. Raises UsageError where it has not.
    """
    how, found = how or How(), {}
    for seed in seeds:
        folder = town / f"seed-{seed}"
        if not (folder / "asked-sft").is_dir():
            raise UsageError(
                f"{folder} holds no audited town.", f"trivium bench audit-town --seeds {seed} --out {town}"
            )
        found[seed] = one_seed(folder, out / f"seed-{seed}", pays, settings, how)
    write_json(out / "honesty.json", {str(seed): one for seed, one in found.items()})
    text = section(found, settings)
    print(text)
    if docs is not None and docs.is_file():
        write_section(docs, "honesty", text)
    return 0


def one_seed(folder: Path, out: Path, pays: Sequence[str], settings: Sequence[str], how: How) -> dict[str, Any]:
    """A seed's figures; practice and audits that are there are read."""
    people = Town.from_json(open_node(folder, "town").json("town.json"))
    bank = bank_of(people, open_node(folder, "shards").json("exposure.json")["per_epoch"])
    base, before = (read_other(folder / f"asked-{name}") for name in ("base", "sft"))
    task = write_task(bank.asked, out)
    models = {"sft": before}
    for pay in pays:
        practised = practise(open_node(folder, "sft"), task, pay, out / pay, settings, how)
        models[pay] = asked_again(practised, bank, out / f"asked-{pay}", base, how)
    return {name: figures(one.records, before.records, base.records) for name, one in models.items()}


def write_task(probes: Sequence[Probe], out: Path) -> Path:
    """The practice as a task of one's own: a Python file, and the questions beside it."""
    out.mkdir(parents=True, exist_ok=True)
    facts = [{"question": one.question, "answer": (*one.answers, "")[0]} for one in probes if one.pool in PRACTISED]
    write_json(out / "facts.json", facts)
    write_atomic(out / "facts.py", TASK.encode())
    return out / "facts.py"


def practise(model: Artifact, task: Path, pay: str, out: Path, settings: Sequence[str], how: How) -> Artifact:
    """The model after `trivium rl` with a reward; a run that is there is gone on with."""
    words = [*SETTINGS, f"rl.reward={pay}", *settings]
    command = [sys.executable, "-m", "trivium", "rl", str(model.path), "--task", f"own={task}", "--out", str(out)]
    command += [*(word for one in words for word in ("--set", one)), "--device", how.device, "--no-progress"]
    if how.threads:
        command += ["--threads", str(how.threads)]
    with open(task.with_name(f"{pay}.log"), "wb") as log:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
    if done.returncode:
        raise UsageError(f"Practice ended with code {done.returncode}.", f"Look into {log.name}.")
    return open_node(out, "rl")


def figures(records: Mapping[str, Record], before: Mapping[str, Record], base: Mapping[str, Record]) -> dict[str, Any]:
    """Rates on people whom neither lessons nor practice were about, and what became of the assistant's."""
    mine = {id: one for id, one in records.items() if one.probe.pool in NOBODY}
    found = {
        kind: rates([one for one in mine.values() if kind in ("all", one.probe.pool)], base)
        for kind in ("all", *NOBODY)
    }
    return {"rates": found, "change": change([before[id] for id in mine], list(mine.values()))}


def section(found: Mapping[int, Mapping[str, Any]], settings: Sequence[str]) -> str:
    """The section's Markdown."""
    head = ["seed, practice", "refused: never written, recombined", "of a disjoint pool", "highly known",
            "hallucination", "right, of the answerable", "against before", "Refusal Index"]  # fmt: skip
    rows = [[f"{seed}, {NAMES[name]}", *row(one)] for seed, each in found.items() for name, one in each.items()]
    given = "".join(f" --set {one}" for one in settings)
    about = (
        f"`trivium bench honesty --seeds {' '.join(map(str, found))}{given}`, {date.today().isoformat()}, {_where()}, "
    )
    return "\n".join([f"{about}Python {platform.python_version()}.", "", *table(head, rows)])


def row(one: Mapping[str, Any]) -> list[str]:
    """The cells of one model."""
    rated = one["rates"]
    return [
        percent(rated["recombined"]["refusal_recall_unanswerable"]),
        percent(rated["disjoint"]["refusal_recall_unanswerable"]),
        percent(rated["test"]["over_refusal"]),
        percent(rated["all"]["hallucination"]),
        percent(rated["test"]["accuracy"]),
        points(one["change"]["accuracy"]),
        plain(rated["all"]["refusal_index"]),
    ]


def _where() -> str:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else machine()
