"""The town's people, what is true of each, and how often each truth is planned to be written.

All share one set of first and last names, each pair used once, so that only the pair tells who somebody is. *Written*
people have pages: some are famous (all their facts written often), the others cover every exposure from never to often.
The *crowd* is the long tail of any corpus: their facts are written once. The *unlisted* are asked about on pages that
then say that the answer is not known: as in any corpus, some names are only there to be missing. That is where a base
model gets its sense of a new name; refusals taught later attach to it. *Ghosts* and *strangers* have facts that nobody
wrote; strangers may be used to teach refusing, ghosts are kept for the test.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any, Literal

from trivium.ground import config as configs
from trivium.town.names import ATTRIBUTES, FIRST_NAMES, LAST_NAMES, VALUE_WEIGHTS, VALUES

Group = Literal["written", "crowd", "unlisted", "ghost", "stranger"]
Split = Literal["train", "test"]


@dataclass(frozen=True, kw_only=True)
class TownConfig:
    """Who lives in the town and how much is written about them."""

    seed: int = 0
    """Decides names, facts and pages."""
    people: int = 200
    """People with pages."""
    ghosts: int = 60
    """People never written about and never trained on: only asked about."""
    strangers: int = 500
    """People never written about that refusals are taught with."""
    crowd: int = 100
    """People whose facts are written just once each."""
    unlisted: int = 500
    """People of whom pages only say that the answer is not known."""
    unlisted_questions: int = 6
    """Questions about each of them, each about another attribute."""
    famous: float = 0.55
    """Share of the written people whose six facts are all written often."""
    famous_test: float = 0.33
    """Share of the famous people that is kept for the test (of the other written people it is half)."""
    stars: float = 0.34
    """Share of the famous people that is written about most of all."""
    famous_copies: tuple[int, int] = (50, 54)
    """Statements of each fact of a famous person, from and to, in one reading of the corpus."""
    star_copies: tuple[int, int] = (62, 66)
    """The same for a star."""
    other_copies: tuple[tuple[int, int], ...] = ((0, 0), (1, 1), (2, 6), (7, 15), (24, 31))
    """Statements of a fact of the other people: each of these ranges is used for as many facts."""
    question_share: float = 0.5
    """Share of the statements that are printed as a question with its answer."""
    crowd_question_share: float = 0.8
    """The same for the crowd."""

    def __post_init__(self) -> None:
        room = len(FIRST_NAMES) * len(LAST_NAMES)
        total = self.people + self.crowd + self.unlisted + self.ghosts + self.strangers
        configs.check(self.people >= 2, "people", self.people, "A town needs two people or more.")
        configs.check(
            total <= room * 3 // 4,
            "people + crowd + unlisted + ghosts + strangers",
            total,
            f"There are {room} names: use three quarters of them at most.",
        )
        for name in ("famous", "famous_test", "stars", "question_share", "crowd_question_share"):
            configs.check(0 <= getattr(self, name) <= 1, name, getattr(self, name), "It is a share: 0 to 1.")
        most = len(ATTRIBUTES)
        configs.check(
            0 <= self.unlisted_questions <= most,
            "unlisted_questions",
            self.unlisted_questions,
            f"Ask about 0 to {most} attributes.",
        )
        for low, high in (self.famous_copies, self.star_copies, *self.other_copies):
            configs.check(0 <= low <= high, "copies", (low, high), "A range goes from a number to one not below it.")


@dataclass(frozen=True)
class Person:
    """One inhabitant: what is true of them, and how often each truth is planned to be written in the corpus."""

    id: str
    name: str
    group: Group
    split: Split
    """Whether later training on conversations may use this person."""
    famous: bool
    facts: dict[str, str]
    copies: dict[str, int]
    """Planned statements by attribute in one reading of the corpus; what was really seen is counted afterwards."""


@dataclass(frozen=True)
class Town:
    """Everybody, and the config they came from."""

    config: TownConfig
    people: tuple[Person, ...]

    @cached_property
    def by_id(self) -> dict[str, Person]:
        """People by id."""
        return {person.id: person for person in self.people}

    def person(self, person_id: str) -> Person:
        """The person with that id; KeyError when there is none."""
        return self.by_id[person_id]

    def group(self, group: Group, split: str | None = None) -> list[Person]:
        """The people of a group, in order, of one split or of both."""
        return [p for p in self.people if p.group == group and split in (None, p.split)]

    def guesser(self, attribute: str) -> tuple[str, float]:
        """The best guess about anybody and its hit rate: the most frequent value of the attribute and its share."""
        counts = Counter(person.facts[attribute] for person in self.people)
        value, count = counts.most_common(1)[0]
        return value, count / len(self.people)

    def to_json(self) -> dict[str, Any]:
        """The town as plain JSON values."""
        return {
            "synthetic": True,
            "config": configs.to_json(self.config),
            "people": [dataclasses.asdict(person) for person in self.people],
        }

    @staticmethod
    def from_json(value: dict[str, Any]) -> Town:
        """The town that `to_json` wrote."""
        return Town(configs.from_json(TownConfig, value["config"]), tuple(Person(**one) for one in value["people"]))


def build(config: TownConfig) -> Town:
    """The town of a config: always the same for the same config."""
    rng = Random(f"town|{config.seed}")
    famous = max(2, round(config.people * config.famous))
    kept = max(1, round(famous * config.famous_test))
    other = config.people - famous
    stretches: list[tuple[Group, Split, bool, int]] = [
        ("written", "train", True, famous - kept),
        ("written", "test", True, kept),
        ("written", "train", False, other - other // 2),
        ("written", "test", False, other // 2),
        ("crowd", "train", False, config.crowd),
        ("unlisted", "train", False, config.unlisted),
        ("ghost", "test", False, config.ghosts),
        ("stranger", "train", False, config.strangers),
    ]
    taken: set[str] = set()
    people: list[Person] = []
    for group, split, is_famous, size in stretches:
        names, facts = _names(rng, size, taken), _facts(rng, size)
        for i in range(size):
            spans = _spans(rng, config, group, is_famous, i)
            copies = {a: rng.randint(*span) for a, span in zip(ATTRIBUTES, spans, strict=True)}
            number = sum(p.group == group for p in people)
            people.append(Person(f"{group}-{number:03d}", names[i], group, split, is_famous, facts[i], copies))
    return Town(config, tuple(people))


def _spans(rng: Random, config: TownConfig, group: Group, famous: bool, i: int) -> list[tuple[int, int]]:
    """For the `i`-th of a stretch of people, the range of copies of each fact."""
    if famous:
        star = int((i + 1) * config.stars) > int(i * config.stars)
        return [config.star_copies if star else config.famous_copies] * len(ATTRIBUTES)
    if group == "written":  # mostly one range for a person, and each range for as many facts
        spans = config.other_copies
        return [spans[(i + step) % len(spans)] for step in rng.choices((-1, 0, 1), (1, 4, 1), k=len(ATTRIBUTES))]
    return [(1, 1) if group == "crowd" else (0, 0)] * len(ATTRIBUTES)


def _names(rng: Random, count: int, taken: set[str]) -> list[str]:
    """`count` full names not in `taken`, which they join; each first and each last name comes about equally often.

    Every group of people draws its own rounds of names: then a single name says nothing of the group.
    """
    names: list[str] = []
    firsts: list[str] = []
    lasts: list[str] = []
    while len(names) < count:
        firsts = firsts or rng.sample(FIRST_NAMES, len(FIRST_NAMES))
        lasts = lasts or rng.sample(LAST_NAMES, len(LAST_NAMES))
        free = [i for i, last in enumerate(lasts) if f"{firsts[-1]} {last}" not in taken]
        if not free:  # this first name has met all that are left of this round: deal a new round on top
            lasts = rng.sample(LAST_NAMES, len(LAST_NAMES)) + lasts
            continue
        names.append(f"{firsts.pop()} {lasts.pop(free[-1])}")
        taken.add(names[-1])
    return names


def _facts(rng: Random, count: int) -> list[dict[str, str]]:
    """The facts of `count` people: each value as often as its weight says, rounded, and dealt out blindly."""
    columns: dict[str, list[str]] = {}
    for attribute, values in VALUES.items():
        share = count / sum(VALUE_WEIGHTS)
        exact = [weight * share for weight in VALUE_WEIGHTS]
        column = [value for value, amount in zip(values, exact, strict=True) for _ in range(int(amount))]
        rest = [amount - int(amount) + 1e-9 for amount in exact]
        while len(column) < count:
            pick = rng.choices(range(len(values)), rest)[0]
            column.append(values[pick])
            rest[pick] = 0.0 if sum(rest) > rest[pick] else rest[pick]
        rng.shuffle(column)
        columns[attribute] = column
    return [{attribute: columns[attribute][i] for attribute in ATTRIBUTES} for i in range(count)]
