"""`trivium bench nano --seeds 3`: the whole street several times, with the control of each claim.

Controls: SFT with shuffled labels (who is refused is drawn by lot) and RL with a random reward. Each seed is a run
folder of its own, so a bench that was stopped continues, and seeds may be run side by side on a larger machine.
"""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from trivium.bench.page import machine, table, write_section
from trivium.ground.artifact import Artifact
from trivium.ground.how import How
from trivium.journey.graph import Journey, Node
from trivium.journey.record import open_node, read_record
from trivium.journey.run import run
from trivium.recipes.nano import nano

DOCS = Path("docs/benchmarks.md")


def main(
    seeds: int = 3,
    out: Path = Path("runs/bench"),
    docs: Path = DOCS,
    recipe: Callable[[int], Journey] = nano,
    how: How | None = None,
) -> int:
    """Run what is missing for seeds 0..seeds-1 and write the table. Returns the exit code."""
    effects, controls, ledgers = [], [], []
    for seed in range(seeds):
        folder = out / f"nano-{seed}"
        run(with_controls(recipe(seed)), folder, how or How(), about={"recipe": "nano", "seed": seed})
        artifacts = {name: open_node(folder, name) for name in read_record(folder).entries}
        effects.append(artifacts["report"].json("effects.json"))
        controls.append(control_figures(artifacts))
        ledgers.append(read_record(folder))
    command = f"trivium bench nano --seeds {seeds}"
    text = "\n".join(
        [
            f"`{command}`, {date.today().isoformat()}, {machine()}, Python {platform.python_version()}.",
            "",
            *table(["effect", "target", *[f"seed {seed}" for seed in range(seeds)]], effect_rows(effects)),
            "",
            "Controls (each must fail to show the effect):",
            "",
            *table(["control", "figure", *[f"seed {seed}" for seed in range(seeds)]], control_rows(controls)),
            "",
            *table(["seconds", *[f"seed {seed}" for seed in range(seeds)]], time_rows(ledgers)),
        ]
    )
    write_section(docs, "nano", text)
    print(text)
    return 0


def with_controls(journey: Journey) -> Journey:
    """The journey and, beside it, the controls: nodes that nothing of the journey depends on."""
    sft, rl, audit = (journey.node(name) for name in ("sft", "rl", "audit-sft"))
    shuffled = dataclasses.replace(
        sft,
        name="shuffled",
        what="refusals dealt out blindly: a control",
        config=dataclasses.replace(sft.config, refusals="shuffled"),
    )
    return Journey(
        journey.name,
        (
            *journey.nodes,
            shuffled,
            _reading(audit, "audit-shuffled", model="shuffled"),
            dataclasses.replace(
                rl,
                name="rl-random",
                what="practice with a random reward: a control",
                config=dataclasses.replace(rl.config, reward="random"),
            ),
        ),
    )


def _reading(node: Node, name: str, **inputs: str) -> Node:
    return dataclasses.replace(node, name=name, inputs={**node.inputs, **inputs})


def control_figures(artifacts: Mapping[str, Artifact]) -> dict[str, Any]:
    """What the controls came to."""
    shuffled = artifacts["audit-shuffled"].json("summary.json")
    random = artifacts["rl-random"].json("evals.json")["heldout"]
    return {"shuffled": shuffled, "random": random}


def effect_rows(effects: list[list[dict[str, Any]]]) -> list[list[str]]:
    """A row for each effect: its name, its target, and what each seed showed."""
    rows = []
    for same in zip(*effects, strict=True):
        shown = [f"{one['before']} → {one['after']} {'✓' if one['met'] else '✗'}" for one in same]
        rows.append([f"{same[0]['stage']}: {same[0]['effect']}", same[0]["target"], *shown])
    return rows


def control_rows(controls: list[dict[str, Any]]) -> list[list[str]]:
    """A row for each control."""
    gain = [c["random"]["gain"] for c in controls]
    invented = [c["shuffled"]["invented"] for c in controls]
    refused = [c["shuffled"]["well_known"]["test"]["refused"] for c in controls]
    return [
        ["RL, random reward", "held-out gain, points", *[_points(g) for g in gain]],
        ["SFT, shuffled labels", "invented answers about the never-written", *[_percent(x) for x in invented]],
        ["SFT, shuffled labels", "refusals on well-known facts", *[_percent(x) for x in refused]],
    ]


def time_rows(ledgers: list[Any]) -> list[list[str]]:
    """A row for each node: its seconds in each seed."""
    names = list(ledgers[0].entries)
    rows = [[name, *[f"{ledger.seconds(name) or 0:.0f}" for ledger in ledgers]] for name in names]
    total = ["**all**", *[f"**{sum(ledger.seconds(name) or 0 for name in names):.0f}**" for ledger in ledgers]]
    return [*rows, total]


def _points(interval: Mapping[str, float]) -> str:
    return f"{100 * interval['value']:+.1f} [{100 * interval['low']:+.1f}, {100 * interval['high']:+.1f}]"


def _percent(interval: Mapping[str, float]) -> str:
    return f"{100 * interval['value']:.1f} % [{100 * interval['low']:.1f}, {100 * interval['high']:.1f}]"
