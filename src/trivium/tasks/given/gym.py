"""reasoning-gym (an extra): drawn and scored in a child process; verifiers that evaluate answers are refused."""

from __future__ import annotations

import json

from trivium.ground.errors import ConfigError, UsageError
from trivium.tasks.forms import after_thinking
from trivium.tasks.given.outside import NoAnswer, Outside
from trivium.tasks.given.reading import echoes
from trivium.tasks.problem import Problem, Split, Verdict, named, split_of

SECONDS = 20.0
"""For one score."""
DRAWING = 300.0
LONGEST = 2000
MOST = 20_000
"""Problems drawn at most, to find as many of a split as are asked for."""


def names(outside: Outside) -> dict[str, bool]:
    """The data sets that are installed, and whether each is refused because its verifier evaluates answers as code."""
    found: dict[str, bool] = outside.ask(SECONDS, act="names")
    return found


def draw(outside: Outside, name: str, count: int, seed: int, split: Split) -> list[Problem]:
    """`count` different problems of a data set and a split. Raises UsageError for one that is unknown or refused."""
    known = names(outside)
    if name not in known:
        raise UsageError(f"reasoning-gym has no data set {name!r}.", f"It has {', '.join(sorted(known))}.")
    if known[name]:
        allowed = ", ".join(sorted(one for one, refused in known.items() if not refused))
        raise UsageError(f"The verifier of {name!r} may run answers as code.", f"Take another: {allowed}.")
    task, size = f"gym:{name}", 4 * count + 20
    while True:
        found: dict[str, Problem] = {}
        for index, (question, answer) in enumerate(outside.ask(DRAWING, act="draw", name=name, seed=seed, size=size)):
            problem_id = named(task, " ".join(question.split()))
            if split_of(problem_id) == split and len(found) < count:
                key = json.dumps({"seed": seed, "size": size, "index": index})
                found.setdefault(problem_id, Problem(task, problem_id, question, answer, "", 1, key))
        if len(found) == count:
            return list(found.values())
        if size >= MOST:
            raise ConfigError(f"{name} has no {count} different {split} problems.", f"Ask for {len(found)} or fewer.")
        size = min(MOST, 4 * size)


def strict(outside: Outside, problem: Problem, text: str) -> Verdict:
    """Right where the package's own verifier gives the full score to the reply, in time."""
    content = after_thinking(text, LONGEST)
    if not content or echoes(content, problem.question) or not _plain(content, problem):
        return Verdict(False, None)
    key = json.loads(problem.key)
    try:
        name = problem.task.removeprefix("gym:")
        score = outside.ask(SECONDS, act="score", name=name, answer=content, **key)
    except NoAnswer:
        return Verdict(False, content)
    return Verdict(isinstance(score, float) and score >= 1.0, content)


def _plain(content: str, problem: Problem) -> bool:
    """No signs beyond ASCII but those that question or answer have, and no more than twice the answer's length."""
    foreign = {sign for sign in content if not sign.isascii()}
    known = set(problem.question + problem.answer)
    return foreign <= known and len(content) <= 2 * len(problem.answer) + 100
