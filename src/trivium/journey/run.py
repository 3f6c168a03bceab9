"""Running a journey: in order, under a lock, skipping what is up to date and continuing what was interrupted.

Each stage is looked at only when its turn comes, so nothing is imported before it must run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trivium.ground.artifact import Artifact
from trivium.ground.errors import TriviumError
from trivium.ground.how import How
from trivium.ground.lock import locked
from trivium.ground.signals import listening
from trivium.journey.graph import Journey, load
from trivium.journey.headline import finished, kept, started
from trivium.journey.plan import Step, look, plan
from trivium.journey.ranks import call, follow, join, leading
from trivium.journey.record import Record, read_record

Say = Callable[[str], None]


@dataclass
class Result:
    """What a run did."""

    artifacts: dict[str, Artifact] = field(default_factory=dict)
    """Node name -> sealed artifact, in order."""
    ran: list[str] = field(default_factory=list)
    """The nodes that were not up to date."""
    seconds: float = 0.0
    code: int = 0
    """How it ended on rank 0, on a rank that followed."""


def run(
    journey: Journey,
    out: Path,
    how: How,
    *,
    until: Sequence[str] = (),
    about: Mapping[str, Any] | None = None,
    say: Say = print,
) -> Result:
    """Bring the nodes of `journey` up to date in the run folder `out`; `say` gets the headlines.

    `until` limits it to those nodes and to what is missing before them: an ancestor of a sealed artifact need not be
    there, so a stage starts from its handoffs alone. `about` (recipe, seed, settings) is written to `journey.json`.
    Where torchrun has started several processes, all of them call this; those that follow rank 0 come back with a code.
    Raises Stopped (the same call continues), ArtifactError when another process holds `out`, and what a stage raises.
    """
    how = join(how)
    if how.place.rank:
        return Result(code=follow(journey, how))
    result = Result()
    begun = time.monotonic()
    order = (journey.until(until) if until else journey).order()
    wanted = needed(plan(journey.until(until), out), until) if until else {node.name for node in order}
    with leading(how), locked(out), listening(how.stop, how.place.rank, how.place.ranks):
        record = read_record(out)
        record.about = dict(about or {"recipe": journey.name})
        known = {node.name for node in journey.nodes}
        record.entries = {name: entry for name, entry in record.entries.items() if name in known}
        record.save()
        found: dict[str, Artifact] = {}
        for number, node in enumerate(order, 1):
            how.stop.check(f"before {node.name}")
            inputs = {name: found[parent] for name, parent in node.inputs.items()}
            step = look(node, inputs, record)
            found[node.name] = step.artifact
            _forget(journey, record, step)
            if step.state != "up to date" and node.name not in wanted:
                continue
            if step.state == "up to date":
                say(kept(number, len(order), step))
            else:
                say(started(number, len(order), step))
                step = _take(step, inputs, how, record)
                say(finished(step, record.seconds(node.name, step.entry.id)))
                result.ran.append(node.name)
            found[node.name] = result.artifacts[node.name] = step.artifact
            _keep(journey, record, step)
    result.seconds = time.monotonic() - begun
    return result


def needed(steps: Sequence[Step], targets: Sequence[str]) -> set[str]:
    """The nodes of a plan that must be up to date for `targets` to be: themselves, and inputs of what must run."""
    wanted = set(targets)
    for step in reversed(steps):
        if step.node.name in wanted and step.state != "up to date":
            wanted.update(step.node.inputs.values())
    return wanted


def _take(step: Step, inputs: Mapping[str, Artifact], how: How, record: Record) -> Step:
    """Run one stage and count its time, also when it is interrupted. Gives the step as up to date."""
    begun = time.monotonic()
    try:
        artifact = load(step.node.entry)(step.node.config, inputs, step.folder, call(step, inputs, how))
    finally:
        record.spend(step.node.name, step.entry.id, time.monotonic() - begun)
    if artifact.id != step.entry.id:
        raise TriviumError(
            f"{step.node.name} sealed {artifact.id}, but its label_of said {step.entry.id}.",
            "label_of must use the config, the inputs' ids and outside fingerprints only.",
        )
    return Step(step.node, step.entry, step.folder, "up to date", artifact)


def _forget(journey: Journey, record: Record, step: Step) -> None:
    """Drop a node whose id has changed, and all that was made from it, from the record: a run never mixes settings."""
    known = record.entries.get(step.node.name)
    if known is None or known.id != step.entry.id:
        stale = journey.descendants(step.node.name) | {step.node.name}
        record.entries = {name: entry for name, entry in record.entries.items() if name not in stale}
        record.save()


def _keep(journey: Journey, record: Record, step: Step) -> None:
    if record.entries.get(step.node.name) != step.entry:
        record.entries[step.node.name] = step.entry
        order = [node.name for node in journey.order()]
        record.entries = {name: record.entries[name] for name in order if name in record.entries}
        record.save()
