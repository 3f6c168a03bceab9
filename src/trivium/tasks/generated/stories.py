"""Word problems of one to four steps, with or without numbers that do not matter. The working is the sums alone."""

from __future__ import annotations

import json
from random import Random

from trivium.tasks.problem import Problem, identity

PEOPLE = ("Ada", "Bo", "Cora", "Dan", "Ella", "Finn", "Gus", "Hana", "Ida", "Jon", "Kim", "Lena", "Max", "Nell", "Ole")
THINGS = ("apples", "pens", "shells", "cards", "coins", "stamps", "nuts", "beads", "plums", "stones", "books", "keys")
MORE = (
    "{who} gets {k} more {things} from {other}.",
    "{who} finds {k} more {things}.",
    "{who} buys {k} more {things}.",
    "Then {other} gives {k} {things} to {who}.",
)
FEWER = (
    "{who} gives {k} {things} to {other}.",
    "{who} loses {k} {things}.",
    "Then {who} sells {k} {things}.",
    "{k} of the {things} are lost.",
)
BOXES = ("{who} buys {k} boxes with {m} {things} in each box.", "{other} gives {k} bags of {m} {things} to {who}.")
TIMES = "{other} has {k} times as many {things} as {who}."
SHARE = "{who} puts all the {things} into {k} boxes, the same number in each."
BESIDE = (
    "{other} has {k} {wrong}.",
    "{other} is {k} years old.",
    "It takes {k} minutes to walk home.",
    "There are {k} {wrong} on the table.",
    "{who} lives at number {k}.",
    "Each of the {things} is {k} weeks old.",
)
STEPS = 4


class _Story:
    """A story that grows a sentence at a time, with the sums that solve it."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.who, self.other, self.third = rng.sample(PEOPLE, 3)
        self.things, self.wrong = rng.sample(THINGS, 2)
        self.value = rng.randint(3, 20)
        self.sentences = [self.filled("{who} has {k} {things}.", k=self.value)]
        self.sums: list[str] = []
        self.asked = "How many {things} does {who} have now?"

    def filled(self, template: str, **numbers: int) -> str:
        return template.format(who=self.who, other=self.other, things=self.things, wrong=self.wrong, **numbers)

    def add(self, sentence: str, sums: list[tuple[int, str, int]]) -> None:
        self.sentences.append(sentence)
        for a, sign, b in sums:
            self.value = {"+": a + b, "-": a - b, "*": a * b, "/": a // b}[sign]
            self.sums.append(f"{a}{sign}{b}={self.value}")

    def grow(self, left: int) -> None:
        """One sentence more, of one step or two, with `left` steps to go."""
        rng, value = self.rng, self.value
        parts = [k for k in range(2, 11) if value % k == 0 and value > k]
        ways = ["more"] + ["fewer"] * (value > 3) + ["boxes"] * (left > 1) + ["times"] * (value <= 60)
        ways += ["share"] * (left == 1 and bool(parts))
        way = rng.choice(ways)
        if way == "more":
            k = rng.randint(2, 20)
            self.add(self.filled(rng.choice(MORE), k=k), [(value, "+", k)])
        elif way == "fewer":
            k = rng.randint(2, value - 1)
            self.add(self.filled(rng.choice(FEWER), k=k), [(value, "-", k)])
        elif way == "boxes":
            k, m = rng.randint(2, 9), rng.randint(2, 9)
            self.add(self.filled(rng.choice(BOXES), k=k, m=m), [(k, "*", m), (value, "+", k * m)])
        elif way == "times":
            k = rng.randint(2, 5)
            self.add(self.filled(TIMES, k=k), [(value, "*", k)])
            self.who, self.other, self.third = self.other, self.third, self.who
        else:
            k = rng.choice(parts)
            self.add(self.filled(SHARE, k=k), [(value, "/", k)])
            self.asked = "How many {things} are in each box?"


def stories(rng: Random, level: int) -> Problem:
    """Levels 1 to 4: so many steps. Levels 5 to 8: the same with one or two numbers that do not matter."""
    steps, distracted = (level - 1) % STEPS + 1, level > STEPS
    story = _Story(rng)
    while len(story.sums) < steps:
        story.grow(steps - len(story.sums))
    beside = rng.sample(BESIDE, rng.randint(1, 2)) if distracted else []
    for template in beside:
        sentence = story.filled(template, k=rng.randint(2, 40))
        story.sentences.insert(rng.randint(1, len(story.sentences)), sentence)
    question = " ".join([*story.sentences, story.filled(story.asked)])
    return Problem(
        "stories",
        identity("stories", question),
        question,
        str(story.value),
        "\n".join(story.sums),
        level,
        json.dumps({"distractors": len(beside)}),
    )


def steps(problem: Problem) -> dict[str, int]:
    """How hard it is: the sums that solve it, and the sentences that do not matter."""
    return {"steps": len(problem.thought.splitlines()), "distractors": json.loads(problem.key)["distractors"]}
