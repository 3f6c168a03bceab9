"""Comparisons by people: two answers are drawn, shown in an order drawn by chance, and the verdict is kept at once.

A line of the file has TRL's names (prompt, chosen, rejected; `tie`), so it is read like any other comparison, and says
who judged, when, what stood left, and which model and seed gave each answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trivium.generate.engine import Engine
from trivium.generate.talk import answer
from trivium.ground.errors import UsageError
from trivium.ground.log import JsonLog, read_jsonl
from trivium.text.chat import Message
from trivium.text.tokenizer import Tokenizer

CHOICES = ("left", "right", "tie", "skip")


@dataclass(frozen=True)
class Candidate:
    """An answer, and where it comes from."""

    text: str
    model: str
    """The id of the model's artifact."""
    seed: int


@dataclass(frozen=True)
class Question:
    """Two answers to a prompt. Which is first is a matter of the file; which is left, of the person."""

    prompt: tuple[Message, ...]
    first: Candidate
    second: Candidate

    @property
    def key(self) -> str:
        """The same for everyone who is shown these two answers to this prompt, whatever stands left."""
        parts = [*(m["content"] for m in self.prompt), self.first.text, self.second.text]
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]

    def swapped(self, who: str) -> bool:
        """Whether this person sees the second answer left: by chance, but the same when asked again."""
        return hashlib.sha256(f"{who}\0{self.key}".encode()).digest()[0] % 2 == 1

    def row(self, choice: str, who: str, when: str) -> dict[str, Any]:
        """The line of the file for what the person said. Raises UsageError for no choice."""
        if choice not in CHOICES:
            raise UsageError(f"{choice!r} is no choice.", f"Say one of {', '.join(CHOICES)}.")
        swapped = self.swapped(who)
        verdict = choice if choice in ("tie", "skip") else "second" if (choice == "right") != swapped else "first"
        chosen, rejected = (self.second, self.first) if verdict == "second" else (self.first, self.second)
        told = {"key": self.key, "choice": choice, "verdict": verdict, "left": "second" if swapped else "first"}
        sources = [{"text": c.text, "model": c.model, "seed": c.seed} for c in (self.first, self.second)]
        row = {"prompt": list(self.prompt), **told, "who": who, "when": when, "answers": sources}
        if verdict == "skip":
            return row
        sides = {"chosen": chosen, "rejected": rejected}
        return (
            row | {k: [{"role": "assistant", "content": c.text}] for k, c in sides.items()} | {"tie": choice == "tie"}
        )


class Ledger:
    """A person's file: each verdict is on disk before the next question is asked."""

    def __init__(self, path: Path, who: str) -> None:
        """Open it, to go on where it ended. A torn last line, of a killed session, is cut off."""
        self.path, self.who = path, who
        self.done = (
            {str(row.get("key")) for row in read_jsonl(path) if row.get("who") == who} if path.exists() else set()
        )
        self._log = JsonLog(path)

    def take(self, question: Question, choice: str) -> None:
        """Keep what the person said."""
        self._log.write(question.row(choice, self.who, datetime.now(UTC).isoformat(timespec="seconds")))
        self.done.add(question.key)

    def open(self, questions: Iterable[Question]) -> Iterator[Question]:
        """The questions that this person has not answered."""
        return (question for question in questions if question.key not in self.done)

    def close(self) -> None:
        """Close the file."""
        self._log.close()


def again(rows: Iterable[Mapping[str, Any]]) -> list[Question]:
    """The questions of somebody else's file, each once: to be judged by a second person. Raises UsageError."""
    found: dict[str, Question] = {}
    for row in rows:
        try:
            first, second = (Candidate(str(a["text"]), str(a["model"]), int(a["seed"])) for a in row["answers"])
            question = Question(tuple(row["prompt"]), first, second)
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError("A line is none of `trivium compare`'s.", "Give a file that it wrote.") from error
        found.setdefault(question.key, question)
    return list(found.values())


def draw_questions(
    engines: Sequence[tuple[str, Engine]],
    tokenizer: Tokenizer,
    prompts: Sequence[Sequence[Message]],
    seed: int = 0,
    temperature: float = 1.0,
    max_new: int = 128,
) -> list[Question]:
    """Two answers to each prompt: of one engine twice, or of two, each named by its model's id. Equal ones go.

    The same seed and models give the same questions, so that a second person can be asked them.
    """
    sides = [engines[0], engines[-1]]
    told = [
        answer(engine, tokenizer, prompts, max_new=max_new, temperature=temperature, seed=2 * seed + side)
        for side, (_, engine) in enumerate(sides)
    ]
    found = []
    for place, (asked, *replies) in enumerate(zip(prompts, *told, strict=True)):
        first, second = (
            Candidate(reply.content.strip(), sides[side][0], (2 * seed + side) * 1_000_003 + place)
            for side, reply in enumerate(replies)
        )
        if first.text != second.text and first.text and second.text:
            found.append(Question(tuple(asked), first, second))
    return found
