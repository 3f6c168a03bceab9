"""Section 9: lineage. Which artifact was made from which, with its id, size and config, and the time each took."""

from __future__ import annotations

import json
from typing import Any

from trivium.ground.artifact import Artifact
from trivium.ground.atomic import read_json
from trivium.pages.amounts import amounts
from trivium.pages.dag import Vertex, dag
from trivium.pages.figures import duration, size
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.reading import UNFINISHED, Inputs

TEMPLATE = "lineage.html"
ORDER = (
    *(
        "town",
        "scored",
        "selected",
        "tokenizer",
        "shards",
        "base",
        "audit-base",
        "plain",
        "sft",
        "reward",
        "warm",
        "rl",
    ),
    *("audit-plain", "audit-sft", "audit-rl", "quirks-base", "quirks-sft", "quirks-rl"),
)


def section(inputs: Inputs, _config: ReportConfig) -> dict[str, Any] | None:
    """What the template shows; None without any artifact."""
    if not inputs:
        return None
    names = sorted(inputs, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    owner = {inputs[name].id: name for name in names}
    parents = {name: [owner[i] for i in inputs[name].parents.values() if i in owner] for name in names}
    drawn = [Vertex(name, _below(inputs[name]), direct(name, parents)) for name in names]
    spent = [(name, seconds) for name in names if (seconds := spent_on(name, inputs[name])) is not None]
    total = sum(seconds for _, seconds in spent)
    return {
        "ledger": amounts([(name, seconds, duration(seconds)) for name, seconds in spent],
                          "Time of each stage: " + "; ".join(f"{name} {duration(s)}" for name, s in spent)),
        "total": duration(total),
        "graph": dag(drawn, "Lineage: " + "; ".join(f"{n} from {', '.join(p)}" for n, p in parents.items() if p)),
        "rows": [[name, inputs[name].kind, inputs[name].id[:12], ", ".join(parents[name]) or "–",
                  str(len(inputs[name].manifest["files"])), size(_bytes(inputs[name]))] for name in names],
        "configs": [{"name": name, "text": json.dumps(inputs[name].config, indent=1, ensure_ascii=False)}
                    for name in names],
    }  # fmt: skip


def _below(artifact: Artifact) -> str:
    return UNFINISHED if artifact.kind == UNFINISHED else artifact.id[:8]


def spent_on(name: str, artifact: Artifact) -> float | None:
    """Seconds that a run's `timings.json`, beside the artifact, counts for it over all sittings; None if unknown."""
    ledger = artifact.path.parent / "timings.json"
    try:
        entry = read_json(ledger)[name]
        return float(entry["seconds"]) if str(entry["id"]).startswith(artifact.id) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # only a ledger: never a reason to fail


def direct(name: str, parents: dict[str, list[str]]) -> list[str]:
    """The parents that are not also reached through another parent: enough edges to see where a thing comes from."""

    def above(start: str, seen: set[str]) -> set[str]:
        for parent in parents.get(start, []):
            if parent not in seen:
                seen.add(parent)
                above(parent, seen)
        return seen

    return [p for p in parents[name] if not any(p in above(other, set()) for other in parents[name] if other != p)]


def _bytes(artifact: Artifact) -> int:
    return sum(entry["bytes"] for entry in artifact.manifest["files"].values())
