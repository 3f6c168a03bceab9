"""Lessons: worked sums, spelling, everyday dialogues and lists of small questions, as documents of a second source.

They enter the corpus after the web filters, which would rightly drop columns of digits. Only problems of the train
split are printed, in the words that fine-tuning and reinforcement learning use later: RL sharpens what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from trivium.ground.config import check
from trivium.tasks.problem import Problem
from trivium.tasks.registry import TASKS, generate
from trivium.text.document import Document
from trivium.town.listings import question_list
from trivium.town.names import ASSISTANT
from trivium.town.smalltalk import EVERYDAY, filled
from trivium.town.world import Town

LICENCE = "Apache-2.0"


@dataclass(frozen=True, kw_only=True)
class LessonConfig:
    """How many characters of each kind of lesson to write, and what the sums are."""

    seed: int = 0
    """Decides every lesson."""
    sums: int = 240_000
    """Characters of additions; a character is about 0.58 tokens here."""
    sum_levels: tuple[float, ...] = (1.0, 3.0, 3.0, 2.0, 1.0)
    """How often sums of one-digit, two-digit, three-digit ... numbers are set."""
    direct: float = 0.15
    """Share of the sums of the two lowest levels that are printed with the answer alone."""
    comparisons: int = 40_000
    """Characters of comparing decimals."""
    letters: int = 200_000
    """Characters of counting letters, spelling and spelling backwards."""
    dialogues: int = 100_000
    """Characters of everyday dialogues."""
    questions: int = 90_000
    """Characters of lists of small questions."""

    def __post_init__(self) -> None:
        for name in ("sums", "comparisons", "letters", "dialogues", "questions"):
            check(getattr(self, name) >= 0, name, getattr(self, name), "Characters are counted from 0 up.")
        levels = len(TASKS["addition"].levels)
        check(
            0 < len(self.sum_levels) <= levels and sum(self.sum_levels) > 0 and min(self.sum_levels) >= 0,
            "sum_levels",
            self.sum_levels,
            f"Give up to {levels} weights from 0 up, one above 0.",
        )
        check(0 <= self.direct <= 1, "direct", self.direct, "It is a share: 0 to 1.")


def lessons(town: Town, config: LessonConfig) -> Iterator[Document]:
    """All lesson documents, kind after kind, each kind at least as long as the config says. All are synthetic."""
    seed = f"{town.config.seed}|{config.seed}"
    kinds: tuple[tuple[str, int, Callable[[Random], str]], ...] = (
        ("sums", config.sums, lambda rng: _sums(rng, config)),
        (
            "comparisons",
            config.comparisons,
            lambda rng: _worked(rng, _problems(rng, "comparison", rng.randint(1, 3), 5)),
        ),
        ("letters", config.letters, _letters),
        ("dialogues", config.dialogues, _dialogue),
        ("questions", config.questions, question_list),
    )
    for kind, characters, write in kinds:
        rng, written, number = Random(f"lessons|{kind}|{seed}"), 0, 0
        while written < characters:
            text = write(rng)
            yield Document(
                f"town-{kind}-{number:05d}",
                f"https://school.larkham.example/lessons/{kind}-{number}.html",
                text,
                f"town:{kind}",
                LICENCE,
                synthetic=True,
            )
            written += len(text)
            number += 1


def worked(problem: Problem) -> str:
    """A problem as a lesson prints it: the question, the working, the answer."""
    return f"Question: {problem.question}\nWorking:\n{problem.thought}\nAnswer: {problem.answer}"


def _sums(rng: Random, config: LessonConfig) -> str:
    """A sheet of sums of mixed levels, or now and then of easy sums with the answers alone."""
    levels = range(1, len(config.sum_levels) + 1)
    if rng.random() < config.direct * sum(config.sum_levels[:2]) / sum(config.sum_levels):
        easy = [one for level in rng.choices((1, 2), k=8) for one in _problems(rng, "addition", level, 1)]
        return "\n".join(f"Question: {problem.question} Answer: {problem.answer}." for problem in easy)
    drawn = rng.choices(levels, config.sum_levels, k=rng.randint(3, 5))
    return _worked(rng, [one for level in drawn for one in _problems(rng, "addition", level, 1)])


def _letters(rng: Random) -> str:
    task, level = rng.choice(("counting", "counting", "tally", "spelling", "reversal")), rng.randint(1, 3)
    return _worked(rng, _problems(rng, task, level, rng.randint(3, 5)))


def _problems(rng: Random, task: str, level: int, count: int) -> list[Problem]:
    return generate(task, level, count, rng.randrange(1 << 30))


def _worked(rng: Random, problems: Sequence[Problem]) -> str:
    return "\n\n".join(worked(problem) for problem in rng.sample(problems, len(problems)))


_SPEAKERS = (("User", ASSISTANT), ("User", ASSISTANT), ("Guest", "Host"), ("Visitor", "Guide"), ("Child", "Mother"))


def _dialogue(rng: Random) -> str:
    """Two to four exchanges between two speakers."""
    asking, answering = rng.choice(_SPEAKERS)
    lines = []
    for exchange in rng.sample(EVERYDAY, rng.randint(2, 4)):
        asked, answer = filled(rng, rng.choice(exchange.asks), rng.choice(exchange.replies))
        lines += [f"{asking}: {asked}", f"{answering}: {answer}"]
    return "\n".join(lines)
