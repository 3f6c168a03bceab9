"""What a problem is, which split it belongs to, and what a verifier says of an answer."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "heldout"]
HELDOUT_SHARE = 0.2
"""Share of all possible problems that only evaluation may see."""


@dataclass(frozen=True)
class Problem:
    """A question with one right answer, and the short worked trace that leads to it."""

    task: str
    id: str
    question: str
    answer: str
    thought: str
    """Working for a model that sees one digit or letter per token: few tokens, each a small step."""
    level: int
    key: str = ""
    """What the verifier must know beyond the answer (numbers to use, hidden cases), as JSON. It is never shown."""


@dataclass(frozen=True)
class Verdict:
    """Whether a text answers the problem, and the answer that was read from it (None: no single answer there)."""

    correct: bool
    answer: str | None


def identity(task: str, question: str) -> str:
    """The id of a question: the task's name and a hash that is the same for mirrored questions.

    347+285 and 285+347 share an id, so that one can never sit in the train split and the other in the held-out one.
    """
    numbers = sorted(re.findall(r"[0-9]+(?:\.[0-9]+)?", question))
    return named(task, "|".join(numbers) if numbers else question)


def named(task: str, key: str) -> str:
    """The id of the problem that `key` stands for: equal keys are one problem, and lie in one split."""
    return f"{task}-{hashlib.sha256(f'{task}|{key}'.encode()).hexdigest()[:12]}"


def split_of(problem_id: str) -> Split:
    """The split that a problem belongs to, decided by the hash in its id alone."""
    return "heldout" if int(problem_id.rpartition("-")[2], 16) < HELDOUT_SHARE * 16**12 else "train"
