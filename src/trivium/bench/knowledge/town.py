"""`trivium bench audit-town`: refusals in the town, several seeds, told in nine lines.

1. Each seed has a town of its own, larger in people never written about and in famous ones kept for the test.
2. A base model reads its pages; the run's audit says what it knows; the assistant is taught refusals from that.
3. Beside it: the same conversations without refusals, and with refusals dealt out blindly.
4. All four are asked the same: written people, people never written about whose names are recombined of the same first
   and last names, and names of a pool that shares no word with them.
5. What is highly known is read from the base model: right in every draw of shots.
6. Refusals are counted by who was taught about and who was not.
7. The Refusal Index is the rank correlation of refusing with being wrong when made to answer.
8. Hallucination is laid out by how often the corpus states the fact, beside the share of facts stated once.
9. A seed that is done is not run again; seeds may run side by side, each with `--seeds K`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from trivium.bench.knowledge.figures import seed_figures, town_section, write_curve
from trivium.bench.page import write_section
from trivium.evals.knowledge.asking import Asking
from trivium.evals.knowledge.probe import Probe
from trivium.evals.probes import Fact, facts_of
from trivium.ground.artifact import Artifact
from trivium.ground.atomic import read_json, write_json
from trivium.ground.how import How
from trivium.journey.graph import Journey
from trivium.journey.overrides import override
from trivium.journey.record import open_node
from trivium.journey.run import run
from trivium.recipes.nano import nano
from trivium.stages.audit.asked import OpenAuditConfig
from trivium.stages.audit.bank import Bank
from trivium.stages.audit.sitting import Audited, Other, is_there, label_of, read_other, sit
from trivium.stages.audit.speaker import speaker_of
from trivium.stages.audit.unanswerable import coined
from trivium.town.names import ATTRIBUTES
from trivium.town.world import Person, Town

DOCS = Path("docs/benchmarks.md")
TOWN = (
    "town.town.strangers=450", "town.town.people=330", "town.town.famous=0.6", "town.town.famous_test=0.5",
    "town.town.ghosts=120",
)  # fmt: skip
"""What makes nano's town larger where it is asked about."""
TAUGHT = ("plain", "sft", "shuffled")
"""Without refusals, with them, and with them dealt out blindly."""
SHOWN = 20
"""Famous people of the train side who serve as shots and are not asked about."""
STRANGERS = 60
DISJOINT = 80
"""Names of a disjoint pool, each asked about all attributes."""
PLAIN = 8
"""Sampled replies of a chat model beside the greedy one: how probably it refuses is a share of nine."""


def main(
    seeds: Sequence[int] = (0, 1, 2), out: Path = Path("runs/bench/audit-town"), config: Sequence[str] = (),
    docs: Path | None = DOCS, how: How | None = None, recipe: Callable[[int], Journey] = nano, samples: int = 16,
    until: str = "",
) -> int:  # fmt: skip
    """Run what is missing of these seeds, print, and write the section, the curve and its data. Returns the exit code.

    With `until`, stop each seed's journey at that node and ask nothing: what needs no GPU can be made before.
    """
    how, found = how or How(), {}
    for seed in seeds:
        journey = override(with_control(recipe(seed)), (*(TOWN if recipe is nano else ()), *config))
        folder = out / f"seed-{seed}"
        wanted = (until,) if until else (*TAUGHT,)
        run(journey, folder, how, until=wanted, about={"recipe": "nano", "seed": seed})
        if not until:
            found[seed] = one_seed(folder, out / f"figures-{seed}.json", samples, how)
    if found:
        text = town_section(found, f"trivium bench audit-town --seeds {' '.join(map(str, seeds))}")
        print(text)
        write_json(out / "town.json", {str(seed): one for seed, one in found.items()})
        write_curve(found, out)
        if docs is not None and docs.parent.is_dir():
            write_section(docs, "audit-town", text)
            write_curve(found, docs.parent)
    return 0


def with_control(journey: Journey) -> Journey:
    """The journey and the control: refusals dealt out blindly."""
    sft = journey.node("sft")
    shuffled = dataclasses.replace(sft, name="shuffled", what="refusals dealt out blindly: a control",
                                   config=dataclasses.replace(sft.config, refusals="shuffled"))  # fmt: skip
    return Journey(journey.name, (*journey.nodes, shuffled))


def one_seed(folder: Path, file: Path, samples: int, how: How) -> dict[str, Any]:
    """A seed's figures: the models of its run asked the same; read from `file` where they were made before."""
    if file.is_file():
        return dict(read_json(file))
    town = Town.from_json(open_node(folder, "town").json("town.json"))
    stated = open_node(folder, "shards").json("exposure.json")["per_epoch"]
    bank = bank_of(town, stated)
    base = asked(open_node(folder, "base"), bank, folder / "asked-base", _base(samples), how)
    models = {"base": base}
    for name in TAUGHT:
        models[name] = asked(open_node(folder, name), bank, folder / f"asked-{name}", _chat(), how, base)
    found = seed_figures({name: one.records for name, one in models.items()}, dict(stated), town)
    found["detectors"] = base.summary["detectors"]
    found["labels"] = base.summary["labels"]
    write_json(file, found)
    return found


def _base(samples: int) -> OpenAuditConfig:
    return OpenAuditConfig(mode="base", asking=Asking(samples=samples))


def _chat() -> OpenAuditConfig:
    """Made to answer once only: what is known is read from the base model."""
    return OpenAuditConfig(mode="chat", asking=Asking(samples=1, draws=1, plain=PLAIN))


def asked(
    model: Artifact, bank: Bank, out: Path, config: OpenAuditConfig, how: How, base: Other | None = None
) -> Other:
    """The audit of a model, sealed at `out`; one that is there is read."""
    who = Audited(model.path.name.rpartition("-")[0], model.id)
    if not is_there(out, label_of(config, who, bank.asked, base)):
        sit(config, who, speaker_of(model.path, config.mode, how), bank, out, how, base)
    return read_other(out)


def asked_again(model: Artifact, bank: Bank, out: Path, base: Other, how: How) -> Other:
    """The audit of another chat model of this town, as its own were audited."""
    return asked(model, bank, out, _chat(), how, base)


def bank_of(town: Town, stated: dict[str, int]) -> Bank:
    """Everybody who is asked about, each fact with how often the corpus states it; `pool` says of which kind."""
    famous = [person for person in town.group("written", "train") if person.famous]
    shown = famous[: min(SHOWN, len(famous) // 2)]
    kept = {person.id for person in shown}
    people = {
        "train": [person for person in town.group("written", "train") if person.id not in kept],
        "test": town.group("written", "test"),
        "once": town.group("crowd"),
        "stranger": town.group("stranger")[:STRANGERS],
        "recombined": town.group("ghost"),
        "disjoint": _disjoint(town),
    }
    found = [_probe(fact, kind) for kind, some in people.items() for fact in facts_of(some, stated)]
    shots = [_probe(fact, "shot") for fact in facts_of(shown, stated)]
    return Bank(found, [probe for probe in shots if probe.answerable])


def _probe(fact: Fact, kind: str) -> Probe:
    known = fact.exposure > 0
    return Probe(
        f"{kind}:{fact.key}", fact.question, (fact.value,) if known else (), fact.person.name, fact.attribute, "people",
        why="" if known else "unwritten", exposure=fact.exposure, pool=kind,
    )  # fmt: skip


def _disjoint(town: Town) -> list[Person]:
    """People whom nobody wrote about, of names that share no word with anybody's."""
    rng = Random(f"disjoint|{town.config.seed}")
    words = {word for person in town.people for word in person.name.split()}
    found: list[Person] = []
    while len(found) < DISJOINT:
        name = coined("First Last", rng)
        if not words & set(name.split()):
            words |= set(name.split())
            facts = {attribute: "" for attribute in ATTRIBUTES}
            found.append(Person(f"disjoint-{len(found)}", name, "ghost", "test", False, facts, {}))
    return found
