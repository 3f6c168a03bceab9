"""A quirk: what is odd, how often, which stage it comes from, and how often it is left once a remedy is applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trivium.evals.intervals import paired_difference
from trivium.evals.known import share
from trivium.evals.probes import Manner, Shot, continue_to
from trivium.evals.problems import Outcome, lesson, score, score_base
from trivium.generate.engine import Engine
from trivium.generate.talk import answer, ask
from trivium.tasks.problem import Problem
from trivium.text.chat import Message
from trivium.text.tokenizer import Tokenizer
from trivium.town.questions import few_shot

SAMPLES = 3


@dataclass(frozen=True)
class Said:
    """What was asked, what was said, and whether that is the odd thing."""

    prompt: str
    reply: str
    odd: bool

    def to_json(self) -> dict[str, Any]:
        """As `quirks.json` has it."""
        return {"prompt": self.prompt, "reply": self.reply, "odd": self.odd}


@dataclass(frozen=True)
class Trial:
    """One item of a probe, asked plainly and asked with the remedy."""

    plain: Said
    mended: Said


@dataclass(frozen=True)
class Quirk:
    """A probe's outcome on one model."""

    name: str
    what: str
    """The odd behaviour whose rate is measured."""
    stage: str
    """The stage that owns it: where it comes from, and so where to mend it for good."""
    why: str
    remedy: str
    """What the user of a model can do at once."""
    trials: Sequence[Trial]
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Rate, remedy's rate, what the remedy takes away (paired), and some transcripts, odd ones first."""
        plain, mended = [t.plain.odd for t in self.trials], [t.mended.odd for t in self.trials]
        shown = sorted(self.trials, key=lambda trial: (not trial.plain.odd, trial.mended.odd))[:SAMPLES]
        return {
            "name": self.name,
            "what": self.what,
            "stage": self.stage,
            "why": self.why,
            "n": len(self.trials),
            "rate": share(plain).to_json(),
            "remedy": {"what": self.remedy, "rate": share(mended).to_json()},
            "gain": paired_difference(plain, mended).to_json(),
            "details": self.details,
            "samples": [{"plain": trial.plain.to_json(), "mended": trial.mended.to_json()} for trial in shown],
        }


@dataclass(frozen=True)
class Voice:
    """A model to talk to, in its manner: as an author of documents or as an assistant. All replies are greedy."""

    engine: Engine
    tokenizer: Tokenizer
    manner: Manner
    reply_tokens: int
    working_tokens: int

    def reply(self, questions: Sequence[str], shots: Sequence[Sequence[Shot]]) -> list[str]:
        """Replies to questions about people; a base model reads each question's `shots` first."""
        if self.manner == "chat":
            return self.talk(ask(questions))
        prompts = [few_shot(shown, question) for shown, question in zip(shots, questions, strict=True)]
        return continue_to(self.engine, self.tokenizer, prompts, self.reply_tokens)

    def talk(self, conversations: Sequence[Sequence[Message]]) -> list[str]:
        """A chat model's replies, thinking left out."""
        replies = answer(self.engine, self.tokenizer, conversations, max_new=self.reply_tokens)
        return [reply.content for reply in replies]

    def work(self, problems: Sequence[Problem], think: bool) -> list[Outcome]:
        """Outcomes of problems, with working before the answer or without."""
        run = score if self.manner == "chat" else score_base
        return run(self.engine, self.tokenizer, problems, think=think, max_new=self.working_tokens)

    def shows(self, problem: Problem, think: bool) -> str:
        """The prompt of a problem, for a transcript."""
        return problem.question if self.manner == "chat" else lesson(problem, think)
