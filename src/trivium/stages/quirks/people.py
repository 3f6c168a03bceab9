"""Two quirks about people: inventing what nobody wrote, and facts in the weights against facts in the prompt."""

from __future__ import annotations

import dataclasses
from collections import Counter
from random import Random

from trivium.evals.known import share
from trivium.evals.probes import Fact, Shot, ShotDrawer, facts_of, verdict
from trivium.stages.quirks.config import QuirksConfig
from trivium.stages.quirks.quirk import Quirk, Said, Trial, Voice
from trivium.town.names import VALUES
from trivium.town.questions import full_answer
from trivium.town.world import Town


def invented_person(voice: Voice, town: Town, config: QuirksConfig) -> Quirk:
    """Asked about people who were never written about, does it say that it does not know?"""
    ghosts = facts_of(town.group("ghost"), {})
    facts = Random(f"inventions|{config.seed}").sample(ghosts, min(config.inventions, len(ghosts)))
    shots = shots_of(town, config)
    plain = voice.reply([fact.question for fact in facts], [shots.draw(fact) for fact in facts])
    mended = voice.reply([stated(fact) for fact in facts], [stated_shots(shots, fact) for fact in facts])
    trials = [
        Trial(
            Said(fact.question, text, verdict(fact, text) != "refused"),
            Said(stated(fact), read, verdict(fact, read) != "right"),
        )
        for fact, text, read in zip(facts, plain, mended, strict=True)
    ]
    verdicts = Counter(verdict(fact, text) for fact, text in zip(facts, plain, strict=True))
    return Quirk(
        "invented-person",
        "gives an answer about a person who occurs in nothing that it has read",
        "sft",
        "Documents that ask go on with an answer, so a base model always answers. Fine-tuning on answers alone keeps "
        "that; only conversations in which the assistant says that it does not know can change it.",
        "put the source into the prompt: the fact stated before the question (the rate is wrong answers)",
        trials,
        {"verdicts": dict(verdicts)},
    )


def context_against_weights(voice: Voice, town: Town, config: QuirksConfig) -> Quirk:
    """A sentence in the prompt contradicts a well-known fact: which of the two does the answer follow?"""
    rng = Random(f"conflicts|{config.seed}")
    famous = facts_of([person for person in town.group("written", "test") if person.famous], {})
    facts = rng.sample(famous, min(config.conflicts, len(famous)))
    false = [_with(fact, rng.choice([v for v in VALUES[fact.attribute] if v != fact.value])) for fact in facts]
    shots = shots_of(town, config)
    shown = [stated_shots(shots, fact) for fact in facts]
    alone = voice.reply([fact.question for fact in facts], [shots.draw(fact) for fact in facts])
    plain = voice.reply([stated(fact) for fact in false], shown)
    mended = voice.reply([stated(fact, times=3) for fact in false], shown)
    trials = [
        Trial(
            Said(stated(fact), once, verdict(fact, once) != "right"),
            Said(stated(fact, times=3), thrice, verdict(fact, thrice) != "right"),
        )
        for fact, once, thrice in zip(false, plain, mended, strict=True)
    ]
    knows = [verdict(fact, text) == "right" for fact, text in zip(facts, alone, strict=True)]
    keeps = [verdict(fact, text) == "right" for fact, text in zip(facts, plain, strict=True)]
    return Quirk(
        "context-against-weights",
        "does not follow a sentence in the prompt that contradicts what it has read",
        "pretrain",
        "A fact read dozens of times is in the weights; a sentence in the prompt is read once. Following it is a skill "
        "that pre-training gives where documents repeat what they have just said.",
        "state it three times, in three wordings",
        trials,
        {
            "knows_without_context": share(knows).to_json(),
            "keeps_its_weights": share(keeps).to_json(),
            "keeps_its_weights_if_known": share(k for k, known in zip(keeps, knows, strict=True) if known).to_json(),
        },
    )


def shots_of(town: Town, config: QuirksConfig) -> ShotDrawer:
    """Shots about famous people of the train split, by planned exposure: a quirk has no shards to count in."""
    planned = {
        f"{person.id}/{attribute}": copies
        for person in town.group("written", "train")
        for attribute, copies in person.copies.items()
    }
    facts = facts_of(town.group("written", "train"), planned)
    return ShotDrawer(facts, well_known=town.config.famous_copies[0], count=3, seed=config.seed)


def stated(fact: Fact, times: int = 1) -> str:
    """The fact as a sentence, so many times in different wordings, and the question about it."""
    return " ".join([*(full_answer(fact.person, fact.attribute, i) for i in range(times)), fact.question])


def stated_shots(shots: ShotDrawer, fact: Fact) -> tuple[Shot, ...]:
    """The fact's shots, each with the answer stated before its question."""
    return tuple((stated(other), other.value) for other in shots.draw_facts(fact))


def _with(fact: Fact, value: str) -> Fact:
    """The same question in a world where `value` is true."""
    person = dataclasses.replace(fact.person, facts={**fact.person.facts, fact.attribute: value})
    return dataclasses.replace(fact, person=person)
