"""The town's people, what is true of each, and how often each truth is planned to be written.

Three groups share one set of first and last names, each pair used once. *Written* people have pages: some are famous
(all their facts written often), the others cover every exposure from never to often. *Ghosts* and *strangers* have
facts that nobody wrote; strangers may be used to teach refusing, ghosts are kept for the test.
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

Group = Literal["written", "ghost", "stranger"]


@dataclass(frozen=True, kw_only=True)
class TownConfig:
    """Who lives in the town and how much is written about them."""

    seed: int = 0
    """Decides names, facts and pages."""
    people: int = 200
    """People with pages."""
    ghosts: int = 60
    """People never written about and never trained on: only asked about."""
    strangers: int = 240
    """People never written about that refusals are taught with."""
    famous: float = 0.5
    """Share of the written people whose six facts are all written often."""
    famous_copies: tuple[int, int] = (29, 31)
    """Statements of each fact of half of the famous people, from and to, in one reading of the corpus."""
    star_copies: tuple[int, int] = (40, 48)
    """The same for the other half."""
    other_copies: tuple[tuple[int, int], ...] = ((0, 0), (1, 1), (2, 6), (7, 15), (16, 24))
    """Statements of a fact of the other people: each of these ranges is used for as many facts."""
    question_share: float = 0.25
    """Share of the statements that are printed as a question with its answer."""

    def __post_init__(self) -> None:
        room = len(FIRST_NAMES) * len(LAST_NAMES)
        total = self.people + self.ghosts + self.strangers
        configs.check(self.people >= 2, "people", self.people, "A town needs two people or more.")
        configs.check(total <= room // 2, "people + ghosts + strangers", total, f"There are {room} names: use half.")
        configs.check(0 < self.famous <= 1, "famous", self.famous, "It is a share: above 0, at most 1.")
        configs.check(0 <= self.question_share <= 1, "question_share", self.question_share, "It is a share: 0 to 1.")
        for low, high in (self.famous_copies, self.star_copies, *self.other_copies):
            configs.check(0 <= low <= high, "copies", (low, high), "A range goes from a number to one not below it.")


@dataclass(frozen=True)
class Person:
    """One inhabitant: what is true of them, and how often each truth is planned to be written in the corpus."""

    id: str
    name: str
    group: Group
    split: Literal["train", "test"]
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
        return {"synthetic": True, "config": configs.to_json(self.config),
                "people": [dataclasses.asdict(person) for person in self.people]}

    @staticmethod
    def from_json(value: dict[str, Any]) -> Town:
        """The town that `to_json` wrote."""
        return Town(configs.from_json(TownConfig, value["config"]), tuple(Person(**one) for one in value["people"]))


def build(config: TownConfig) -> Town:
    """The town of a config: always the same for the same config."""
    rng = Random(f"town|{config.seed}")
    names = _names(rng, config.people + config.ghosts + config.strangers)
    famous = max(1, round(config.people * config.famous))
    sizes = {"famous": famous, "other": config.people - famous, "ghost": config.ghosts, "stranger": config.strangers}
    ranges = _ranges(rng, config, sizes["other"])
    people: list[Person] = []
    for kind, size in sizes.items():
        facts = _facts(rng, size)
        for i in range(size):
            if kind == "famous":
                low_high = [config.star_copies if i // 2 % 2 else config.famous_copies] * len(ATTRIBUTES)
            else:
                low_high = ranges[i] if kind == "other" else [(0, 0)] * len(ATTRIBUTES)
            copies = {a: rng.randint(*span) for a, span in zip(ATTRIBUTES, low_high, strict=True)}
            group: Group = "ghost" if kind == "ghost" else "stranger" if kind == "stranger" else "written"
            test = kind == "ghost" or (group == "written" and i % 2 == 1)
            people.append(Person(f"{group}-{sum(p.group == group for p in people):03d}", names[len(people)], group,
                                 "test" if test else "train", kind == "famous", facts[i], copies))
    return Town(config, tuple(people))


def _names(rng: Random, count: int) -> list[str]:
    """Different full names; every first and every last name is used about equally often in any stretch of them."""
    taken: dict[str, None] = {}
    firsts: list[str] = []
    lasts: list[str] = []
    while len(taken) < count:
        firsts = firsts or rng.sample(FIRST_NAMES, len(FIRST_NAMES))
        lasts = lasts or rng.sample(LAST_NAMES, len(LAST_NAMES))
        free = [i for i, last in enumerate(lasts) if f"{firsts[-1]} {last}" not in taken]
        if not free:  # this first name has met all that are left of this round: deal a new round of last names on top
            lasts = rng.sample(LAST_NAMES, len(LAST_NAMES)) + lasts
            continue
        taken[f"{firsts.pop()} {lasts.pop(free[-1])}"] = None
    return list(taken)


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


def _ranges(rng: Random, config: TownConfig, count: int) -> list[list[tuple[int, int]]]:
    """For each of the people who are not famous, the range of copies of each fact: mostly one range for a person."""
    spans = config.other_copies
    rows = []
    for i in range(count):
        steps = rng.choices((-1, 0, 1), (1, 4, 1), k=len(ATTRIBUTES))
        rows.append([spans[(i + step) % len(spans)] for step in steps])
    return rows
